//go:build unix && !linux

package batcher

func onHugePages([]byte) {}
