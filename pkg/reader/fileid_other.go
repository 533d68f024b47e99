//go:build !unix

package reader

import "io/fs"

// fileID is empty: the system has no name for a file but its path.
func fileID(fs.FileInfo) string { return "" }
