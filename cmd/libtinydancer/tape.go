package main

import (
	"encoding/binary"
	"math"
	"strconv"
)

// tape is an answer in the making: tagged values, read by pg/src/tape.c.
//
//	{  }  [  ]           begin and end of an object or an array
//	k  s    u32, bytes   key; string
//	n    i64, i32        number: mantissa, then how many decimals it has
//	d    f64             float8
//	i    i64             integer, int4
//	l    i64             integer, int8
//	t  f  0              true, false, null
//	r                    a row begins
type tape []byte

func (t *tape) tag(b byte) { *t = append(*t, b) }

func (t *tape) text(s string) {
	t.tag('s')
	*t = binary.NativeEndian.AppendUint32(*t, uint32(len(s)))
	*t = append(*t, s...)
}

func (t *tape) key(s string) {
	t.tag('k')
	*t = binary.NativeEndian.AppendUint32(*t, uint32(len(s)))
	*t = append(*t, s...)
}

// written appends a string that write makes, without one in between.
func (t *tape) written(write func([]byte) []byte) {
	t.tag('s')
	at := len(*t)
	*t = append(*t, 0, 0, 0, 0)
	*t = write(*t)
	binary.NativeEndian.PutUint32((*t)[at:], uint32(len(*t)-at-4))
}

func (t *tape) float(v float64) {
	t.tag('d')
	*t = binary.NativeEndian.AppendUint64(*t, math.Float64bits(v))
}

func (t *tape) integer(v int64) {
	t.tag('i')
	*t = binary.NativeEndian.AppendUint64(*t, uint64(v))
}

func (t *tape) long(v int64) {
	t.tag('l')
	*t = binary.NativeEndian.AppendUint64(*t, uint64(v))
}

func (t *tape) boolean(v bool) {
	if v {
		t.tag('t')
	} else {
		t.tag('f')
	}
}

// number appends a finite number as the shortest decimal that reads back as
// the same float64.
func (t *tape) number(v float64) {
	mantissa, decimals := shortest(v)
	t.tag('n')
	*t = binary.NativeEndian.AppendUint64(*t, uint64(mantissa))
	*t = binary.NativeEndian.AppendUint32(*t, uint32(int32(decimals)))
}

// shortest returns m and d so that v = m·10⁻ᵈ, with d ≥ 0 where m may grow
// instead.
func shortest(v float64) (mantissa int64, decimals int) {
	var buffer [32]byte
	s := strconv.AppendFloat(buffer[:0], v, 'e', -1, 64) // -d.ddde±xx, at most 17 digits
	i := 0
	negative := s[0] == '-'
	if negative {
		i++
	}
	for ; s[i] != 'e'; i++ {
		if s[i] == '.' {
			continue
		}
		mantissa = 10*mantissa + int64(s[i]-'0')
		decimals++
	}
	decimals--                                   // the digit before the point
	exponent, _ := strconv.Atoi(string(s[i+1:])) // AppendFloat writes a number
	decimals -= exponent
	for ; decimals < 0 && mantissa < math.MaxInt64/10; decimals++ {
		mantissa *= 10
	}
	if negative {
		mantissa = -mantissa
	}
	return mantissa, decimals
}
