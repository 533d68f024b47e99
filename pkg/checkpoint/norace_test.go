//go:build !race

package checkpoint

const (
	tearEvery    = 1
	recoverEvery = 1
	damageEvery  = 1
)
