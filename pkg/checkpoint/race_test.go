//go:build race

package checkpoint

// Under the race detector, which makes them eight times as slow, the crash
// tests take some of the torn writes, recoveries and damages only.
const (
	tearEvery    = 12
	recoverEvery = 5
	damageEvery  = 7
)
