package reader

// reasons are the words of the report's column reason.
var reasons = [...]string{
	None:        "",
	TooLong:     "record longer than 1 MiB",
	BadQuote:    "broken quoting",
	NoColumn:    "row ends before the identity's column",
	BadJSON:     "not one valid JSON value",
	NoField:     "no such field",
	FieldType:   "neither a string nor an integer",
	RepeatedKey: "the identity's key stands twice",
	BadEncoding: "a character that the encoding does not have",
}

// Reason is one short line for the report; it never holds an identity.
func (p Problem) Reason() string { return reasons[p] }
