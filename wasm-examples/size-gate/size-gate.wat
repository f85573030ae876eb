;; size-gate is an example of an incoming handler by hand: it refuses posts whose
;; body is larger than a list wants it.
;;
;; Setting: body_bytes_max, or the same in the list's own config, which goes
;; first. Without either nothing is refused.
;;
;;     wat2wasm size-gate.wat -o size-gate.wasm
(module
  (import "mmgw" "get" (func $get (param i32 i32 i32 i32) (result i32)))
  (import "mmgw" "get_int" (func $get_int (param i32 i32) (result i64)))
  (import "mmgw" "body_size" (func $body_size (result i64)))
  (import "mmgw" "verdict" (func $verdict (param i32 i32 i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 1)
  (data (i32.const 0) "list.config.body_bytes_max") ;; the last 21 octets are the key of the module's own
  (data (i32.const 32) "rcpt.0.service")
  (data (i32.const 48) "5.3.4")
  (data (i32.const 64) "the post is larger than this list takes")
  (global $room i32 (i32.const 128)) ;; to read into

  (global $no_int i64 (i64.const 0x8000000000000000)) ;; of get_int: there is no such number
  (global $reject i32 (i32.const 2))

  (func (export "mmgw_abi") (result i32) (i32.const 0x00010000))

  ;; limit is the setting, or $no_int.
  (func $limit (result i64)
    (local $n i64)
    (local.set $n (call $get_int (i32.const 0) (i32.const 26)))
    (if (i64.ne (local.get $n) (global.get $no_int)) (then (return (local.get $n))))
    (call $get_int (i32.const 5) (i32.const 21)))

  ;; is_post says whether the message is for the members: "post", which reads as
  ;; a number from its last octet to its first.
  (func $is_post (result i32)
    (i32.and
      (i32.eq (call $get (i32.const 32) (i32.const 14) (global.get $room) (i32.const 8)) (i32.const 4))
      (i32.eq (i32.load (global.get $room)) (i32.const 0x74736f70))))

  ;; $no_int is below every size: it has to be asked for first.
  (func (export "mmgw_incoming") (result i32)
    (local $limit i64)
    (local.set $limit (call $limit))
    (if (i64.eq (local.get $limit) (global.get $no_int)) (then (return (i32.const 0))))
    (if (i64.le_s (call $body_size) (local.get $limit)) (then (return (i32.const 0))))
    (if (i32.eqz (call $is_post)) (then (return (i32.const 0))))
    (call $verdict (global.get $reject) (i32.const 552)
      (i32.const 48) (i32.const 5)
      (i32.const 64) (i32.const 39))))
