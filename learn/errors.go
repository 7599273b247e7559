package learn

import "errors"

// ErrInput means that a vector has the wrong length, or that a number is not
// finite or out of its range. The error says which, and changes nothing.
var ErrInput = errors.New("learn: bad input")
