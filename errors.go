package tinydancer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Errors of the registry.
var (
	// ErrUnknownAgent says that no agent has the name that was given.
	ErrUnknownAgent = errors.New("unknown agent")

	// ErrDuplicateAgent says that two agents would have the same name.
	ErrDuplicateAgent = errors.New("agent is already registered")
)

// Errors of a request.
var (
	// ErrInvalid says that a value is out of its range or of the wrong shape.
	// The error that wraps it is an [*InvalidError].
	ErrInvalid = errors.New("invalid value")

	// ErrDimension says that an embedding has the wrong number of components.
	// The error that wraps it is an [*InvalidError].
	ErrDimension = errors.New("wrong dimension")

	// ErrNoMatch says that the constraints exclude every agent.
	// The error that wraps it is a [*NoMatchError].
	ErrNoMatch = errors.New("no eligible agent")
)

// InvalidError reports one bad value: what it was, and what was wanted.
type InvalidError struct {
	Field string // what the value was given for, such as "quality"
	Got   string // the value, shortened if it is long
	Want  string // what would have been accepted
	Hint  string // how to mend it; often empty

	kind error // ErrInvalid or ErrDimension
}

// Error says field, got and wanted in one line.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s: got %s, want %s", e.Field, e.Got, e.Want)
}

// Unwrap returns [ErrInvalid] or [ErrDimension].
func (e *InvalidError) Unwrap() error { return e.kind }

// NoMatchError reports that no agent is eligible, and how many agents each
// constraint removed. An agent that several constraints exclude is counted by
// each of them. To a request that may see some agents only, those are all that
// there are.
type NoMatchError struct {
	Total   int       // agents in the registry, inactive ones among them
	Removed []Removal // one entry for each constraint that removed agents
	Hint    string    // how to mend it, such as the nearest spelling of a capability; often empty
}

// Removal is the share that one constraint had in leaving no agent.
type Removal struct {
	Constraint string // as it is spelt in JSON, such as "max_cost", or "inactive"
	Agents     int    // that it removed
}

// Error lists the constraints with the number of agents that each removed.
func (e *NoMatchError) Error() string {
	if e.Total == 0 {
		return "no eligible agent: the registry is empty"
	}
	parts := make([]string, len(e.Removed))
	for i, r := range e.Removed {
		parts[i] = fmt.Sprintf("%s removed %d", r.Constraint, r.Agents)
	}
	return fmt.Sprintf("no eligible agent: of %d, %s", e.Total, strings.Join(parts, ", "))
}

// Unwrap returns [ErrNoMatch].
func (e *NoMatchError) Unwrap() error { return ErrNoMatch }

// IsNoMatch reports whether err says that the constraints exclude every agent,
// so that the caller may relax them and ask again.
func IsNoMatch(err error) bool { return errors.Is(err, ErrNoMatch) }

// What was got is shortened by who says it, before more is put around it.
func invalid(field, got, want string) *InvalidError {
	return &InvalidError{Field: field, Got: got, Want: want, kind: ErrInvalid}
}

func wrongDimension(field string, got, want int) *InvalidError {
	return &InvalidError{
		Field: field,
		Got:   fmt.Sprintf("%d dimensions", got),
		Want:  fmt.Sprintf("%d", want),
		kind:  ErrDimension,
	}
}

// shorten keeps an error message readable when somebody passes a megabyte.
func shorten(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && s[cut]&0xC0 == 0x80 { // not inside a UTF-8 sequence
		cut--
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:cut], len(s))
}

func quote(s string) string { return strconv.Quote(shorten(s)) }
