package spool

import (
	"encoding/binary"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/store"
)

// Keys of SpoolMessages:
//
//	id kind [leg [batch [delivery]]]    8, 1, 2, 4 and 4 octets, big-endian
//
// Keys of SpoolIndex, where batch 0 is the leg itself and batch n+1 is batch n:
//
//	id leg batch                        8, 2 and 4 octets
type kind byte

// The kinds of records of a message, in the order in which Load reads them.
const (
	kindHead kind = iota
	kindContent
	kindLeg
	kindPlan
	kindOutcome
)

const (
	idBytes       = 8
	legBytes      = 2
	batchBytes    = 4
	indexKeyBytes = 1 + idBytes + legBytes + batchBytes
)

// LegsMax bounds the legs of a message, by the form of its keys. There is at
// most one for each recipient.
const LegsMax = 1 << 16

func appendID(b []byte, id gateway.QueueID) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(id))
}

func messagePrefix(id gateway.QueueID) []byte { return appendID(store.SpoolMessages.Key(), id) }

func kindPrefix(id gateway.QueueID, k kind) []byte { return append(messagePrefix(id), byte(k)) }

func headKey(id gateway.QueueID) []byte { return kindPrefix(id, kindHead) }

func contentKey(id gateway.QueueID) []byte { return kindPrefix(id, kindContent) }

func legKey(id gateway.QueueID, leg int) []byte {
	return binary.BigEndian.AppendUint16(kindPrefix(id, kindLeg), uint16(leg))
}

func planKey(key gateway.BatchKey) []byte { return batchKey(key, kindPlan) }

// outcomesPrefix is that of all outcomes of a batch.
func outcomesPrefix(key gateway.BatchKey) []byte { return batchKey(key, kindOutcome) }

func batchKey(key gateway.BatchKey, k kind) []byte {
	b := binary.BigEndian.AppendUint16(kindPrefix(key.Message, k), uint16(key.Leg))
	return binary.BigEndian.AppendUint32(b, uint32(key.Number))
}

func outcomeKey(key gateway.BatchKey, delivery int) []byte {
	return binary.BigEndian.AppendUint32(outcomesPrefix(key), uint32(delivery))
}

// outcomeDelivery is the delivery that a key of an outcome names.
func outcomeDelivery(key []byte) int {
	return int(binary.BigEndian.Uint32(key[len(key)-4:]))
}

func parseMessageKey(key []byte) (gateway.QueueID, kind, bool) {
	if len(key) < 1+idBytes+1 {
		return 0, 0, false
	}
	return gateway.QueueID(binary.BigEndian.Uint64(key[1:])), kind(key[1+idBytes]), true
}

func indexPrefix(id gateway.QueueID) []byte { return appendID(store.SpoolIndex.Key(), id) }

// indexKey is that of a batch, or of a leg where Number is gateway.ExpandLeg.
func indexKey(key gateway.BatchKey) []byte {
	b := binary.BigEndian.AppendUint16(indexPrefix(key.Message), uint16(key.Leg))
	return binary.BigEndian.AppendUint32(b, uint32(key.Number+1))
}

func legIndexKey(id gateway.QueueID, leg int) []byte {
	return indexKey(gateway.BatchKey{Message: id, Leg: leg, Number: gateway.ExpandLeg})
}

func parseIndexKey(key []byte) (gateway.BatchKey, bool) {
	if len(key) != indexKeyBytes {
		return gateway.BatchKey{}, false
	}
	return gateway.BatchKey{
		Message: gateway.QueueID(binary.BigEndian.Uint64(key[1:])),
		Leg:     int(binary.BigEndian.Uint16(key[1+idBytes:])),
		Number:  int(binary.BigEndian.Uint32(key[1+idBytes+legBytes:])) - 1,
	}, true
}
