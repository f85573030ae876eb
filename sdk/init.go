package sdk

import (
	"github.com/mmgw/mmgw/sdk/internal/abi"
	"github.com/mmgw/mmgw/sdk/wire"
)

var initial func() error

// OnInit makes f run once when the module is loaded, which is the time to read the
// configuration. If f returns an error the module is not loaded, with the text of the
// error as the reason. Call OnInit from init.
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
