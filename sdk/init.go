package sdk

import (
	"github.com/mmgw/mmgw/sdk/internal/abi"
	"github.com/mmgw/mmgw/sdk/wire"
)

var initial func() error

// OnInit has f run once when the module is loaded: the place to read the
// configuration. Its error refuses the module, with the error's text as the
// reason. It is called from init.
func OnInit(f func() error) { initial = f }

//go:wasmexport mmgw_abi
func abiVersion() int32 { return wire.Version }

//go:wasmexport mmgw_init
func runInit() int32 {
	if initial == nil {
		return 0
	}
	return abi.Finish(initial())
}
