package server

import (
	"encoding/hex"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// counter is a module that counts posts by kv, and adds the count to a metric:
//
//	(func (export "mmgw_incoming") (result i32)
//	  (call $metric (i32.const 0) (i32.const 4)
//	    (call $kv_incr (i32.const 0) (i32.const 4) (i64.const 1) (i32.const 0)))
//	  (i32.const 0))
const counter = "0061736d0100000001130360037f7f7e0060047f7f7e7f017e6000017f021e02046d6d6777066d65747269630000" +
	"046d6d6777076b765f696e6372000103030202020503010001072503066d656d6f72790200086d6d67775f61626900020d6d6d67775f" +
	"696e636f6d696e6700030a1d020600418080040b14004100410441004104420141001001100041000b0b0a010041000b047365656e"

// TestValuesOutliveTheGateway holds that what a handler keeps is there after a
// restart, and that what it counts is shown.
func TestValuesOutliveTheGateway(t *testing.T) {
	p := newPlace(t)
	wasm, err := hex.DecodeString(counter)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "counter.wasm"), wasm, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := p.load(devList + "[incoming]\nhandlers = [\"counter\"]\n[plugins.counter]\ncapabilities = [\"kv\", \"metric\"]\n")
	for _, want := range []string{"1", "2"} { // a metric starts at 0 again
		t.Run(want, func(t *testing.T) {
			again := &place{t: t, dir: p.dir, smtp: p.smtp}
			s := again.run(cfg)
			if got := again.post("dev@lists.example.com"); got != "250 2.0.0 accepted" {
				t.Fatal(got)
			}
			w := httptest.NewRecorder()
			promhttp.HandlerFor(s.metricsRegistry(), promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
			line := `mmgw_plugin_metric_total{name="seen",plugin="counter"} ` + want + "\n"
			if text := w.Body.String(); !strings.Contains(text, line) {
				_, found, _ := strings.Cut(text, "mmgw_plugin_metric_total{")
				t.Errorf("there is no %s, but %.80q", line, found)
			}
		})
	}
}
