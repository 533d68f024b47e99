package batcher

import "golang.org/x/sys/unix"

// mapFlags: populate, since a grown table is filled at once anyway, and one
// call is cheaper than a fault for each page.
const mapFlags = unix.MAP_ANON | unix.MAP_PRIVATE | unix.MAP_POPULATE
