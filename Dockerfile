# A small image: the program, the authorities that TLS trusts, time zones, and
# nothing else. Mount the input's folder; its run directory is made beside it.
#
#   docker build -t bulkdemerge .
#   docker run --rm -v "$PWD:/data" -u "$(id -u):$(id -g)" bulkdemerge run --sandbox customers.csv

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev COMMIT=unknown DATE=unknown
RUN CGO_ENABLED=0 go build -trimpath \
      -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT} -X main.date=${DATE}" \
      -o /bulkdemerge ./cmd/bulkdemerge \
 && mkdir /empty

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# --stop-at means local time: TZ=Asia/Kolkata needs the zones.
COPY --from=build /usr/local/go/lib/time/zoneinfo.zip /usr/local/go/lib/time/
COPY --from=build /bulkdemerge /usr/bin/bulkdemerge
COPY --from=build --chown=65532:65532 --chmod=1777 /empty /tmp
COPY --from=build --chown=65532:65532 /empty /data
ENV ZONEINFO=/usr/local/go/lib/time/zoneinfo.zip
WORKDIR /data
USER 65532:65532
ENTRYPOINT ["/usr/bin/bulkdemerge"]
