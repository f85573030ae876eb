;; mmgw.wat is ABI 1 for modules written by hand: all imports, and the smallest
;; handler that does something. Copy it, delete the imports that you do not call
;; (some need a capability: see Capabilities in ABI.md, one folder up), and continue
;; from the comments below.
;;
;;     wat2wasm mmgw.wat -o mmgw.wasm
;;
;; A text is two arguments: its address in memory and its length. Readers take a
;; buffer and its size, return the length of the text, and write nothing if that is
;; more than the size. Results below zero: -1 not found, -2 bad argument,
;; -3 not permitted, -4 limit, -5 not in this phase, -6 temporary failure.
(module
  ;; All modules.
  (import "mmgw" "get" (func $get (param $key i32) (param $klen i32) (param $buf i32) (param $cap i32) (result i32)))
  (import "mmgw" "get_int" (func $get_int (param $key i32) (param $klen i32) (result i64)))
  (import "mmgw" "set" (func $set (param $key i32) (param $klen i32) (param $val i32) (param $vlen i32) (result i32)))
  (import "mmgw" "log" (func $log (param $level i32) (param $text i32) (param $len i32)))
  (import "mmgw" "log_enabled" (func $log_enabled (param $level i32) (result i32)))
  (import "mmgw" "error" (func $error (param $text i32) (param $len i32)))
  (import "mmgw" "now_ms" (func $now_ms (result i64)))
  (import "mmgw" "random" (func $random (param $buf i32) (param $len i32) (result i32)))

  ;; Recipients.
  (import "mmgw" "rcpt_count" (func $rcpt_count (result i32)))
  (import "mmgw" "rcpt_get" (func $rcpt_get (param $i i32) (param $buf i32) (param $cap i32) (result i32)))
  (import "mmgw" "rcpt_add" (func $rcpt_add (param $address i32) (param $len i32) (result i32)))
  (import "mmgw" "rcpt_remove" (func $rcpt_remove (param $i i32) (result i32)))
  (import "mmgw" "rcpt_set" (func $rcpt_set (param $i i32) (param $key i32) (param $klen i32) (param $val i32) (param $vlen i32) (result i32)))

  ;; Header.
  (import "mmgw" "header_count" (func $header_count (result i32)))
  (import "mmgw" "header_name" (func $header_name (param $i i32) (param $buf i32) (param $cap i32) (result i32)))
  (import "mmgw" "header_value" (func $header_value (param $i i32) (param $buf i32) (param $cap i32) (result i32)))
  (import "mmgw" "header_raw" (func $header_raw (param $i i32) (param $buf i32) (param $cap i32) (result i32)))
  (import "mmgw" "header_find" (func $header_find (param $name i32) (param $nlen i32) (param $from i32) (result i32)))
  (import "mmgw" "header_get" (func $header_get (param $name i32) (param $nlen i32) (param $nth i32) (param $buf i32) (param $cap i32) (result i32)))
  (import "mmgw" "header_insert" (func $header_insert (param $i i32) (param $name i32) (param $nlen i32) (param $val i32) (param $vlen i32) (result i32)))
  (import "mmgw" "header_replace" (func $header_replace (param $i i32) (param $val i32) (param $vlen i32) (result i32)))
  (import "mmgw" "header_delete" (func $header_delete (param $i i32) (result i32)))
  (import "mmgw" "header_set" (func $header_set (param $name i32) (param $nlen i32) (param $val i32) (param $vlen i32) (result i32)))
  (import "mmgw" "header_remove" (func $header_remove (param $name i32) (param $nlen i32) (result i32)))
  (import "mmgw" "header_template" (func $header_template (param $name i32) (param $nlen i32) (param $val i32) (param $vlen i32) (result i32)))

  ;; Body.
  (import "mmgw" "body_size" (func $body_size (result i64)))
  (import "mmgw" "body_read" (func $body_read (param $off i64) (param $buf i32) (param $cap i32) (result i32)))
  (import "mmgw" "body_begin" (func $body_begin (result i32)))
  (import "mmgw" "body_write" (func $body_write (param $data i32) (param $len i32) (result i32)))

  ;; Parts of a MIME message, decoded; 0 is the message itself.
  (import "mmgw" "part_count" (func $part_count (result i32)))
  (import "mmgw" "part_get" (func $part_get (param $p i32) (param $key i32) (param $klen i32) (param $buf i32) (param $cap i32) (result i32)))
  (import "mmgw" "part_read" (func $part_read (param $p i32) (param $off i64) (param $buf i32) (param $cap i32) (result i32)))
  (import "mmgw" "part_replace" (func $part_replace (param $p i32) (param $data i32) (param $len i32) (result i32)))

  ;; Verdict: 0 continue, 1 accept, 2 reject, 3 defer, 4 discard, 5 hold.
  (import "mmgw" "verdict" (func $verdict (param $action i32) (param $code i32) (param $enh i32) (param $enhlen i32) (param $text i32) (param $textlen i32) (result i32)))
  (import "mmgw" "rcpt_verdict" (func $rcpt_verdict (param $i i32) (param $action i32) (param $code i32) (param $enh i32) (param $enhlen i32) (param $text i32) (param $textlen i32) (result i32)))

  ;; Values that outlive a call (capability kv), the DNS (dns), counters (metric).
  ;; Types of dns: 1 A, 12 PTR, 15 MX, 16 TXT, 28 AAAA.
  (import "mmgw" "kv_get" (func $kv_get (param $key i32) (param $klen i32) (param $buf i32) (param $cap i32) (result i32)))
  (import "mmgw" "kv_set" (func $kv_set (param $key i32) (param $klen i32) (param $val i32) (param $vlen i32) (param $ttl i32) (result i32)))
  (import "mmgw" "kv_incr" (func $kv_incr (param $key i32) (param $klen i32) (param $delta i64) (param $ttl i32) (result i64)))
  (import "mmgw" "kv_delete" (func $kv_delete (param $key i32) (param $klen i32) (result i32)))
  (import "mmgw" "dns" (func $dns (param $type i32) (param $name i32) (param $nlen i32) (param $buf i32) (param $cap i32) (result i32)))
  (import "mmgw" "metric" (func $metric (param $name i32) (param $nlen i32) (param $delta i64)))

  ;; Configuration writers.
  (import "mmgw" "inv_count" (func $inv_count (param $table i32) (param $tlen i32) (result i32)))
  (import "mmgw" "inv_get" (func $inv_get (param $table i32) (param $tlen i32) (param $row i32) (param $column i32) (param $clen i32) (param $buf i32) (param $cap i32) (result i32)))
  (import "mmgw" "file_begin" (func $file_begin (param $path i32) (param $plen i32) (param $mode i32) (result i32)))
  (import "mmgw" "file_write" (func $file_write (param $data i32) (param $len i32) (result i32)))
  (import "mmgw" "file_end" (func $file_end (result i32)))

  ;; One page of 64 KiB. You choose where texts are: here are the name of a field and
  ;; its value, one after the other.
  (memory (export "memory") 1)
  (data (i32.const 0) "X-Seen-By")
  (data (i32.const 16) "mmgw")

  ;; Major version 1, minor 0.
  (func (export "mmgw_abi") (result i32) (i32.const 0x00010000))

  ;; A module has one or more hooks. The others are mmgw_outgoing, mmgw_plan and
  ;; mmgw_mta_config without a parameter, and mmgw_rcpt and mmgw_result with the index
  ;; of a recipient. All return 0, or anything else if they failed: then none of their
  ;; edits apply. mmgw_init may read the configuration once.
  (func (export "mmgw_incoming") (result i32)
    (call $header_set (i32.const 0) (i32.const 9) (i32.const 16) (i32.const 4))))
