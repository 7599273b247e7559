package embed

import "strings"

// Words that tell what kind of request a text is. English, like most requests;
// in another language their shares are 0 and do no harm.
const (
	cueQuestion = iota
	cueCommand
	cueCode
	cueMath
	cueLogic
	cuePerson
	cueCommon
	cueClasses
)

var cueWords = func() map[uint64]uint8 {
	m := make(map[uint64]uint8)
	for class, list := range [cueClasses]string{
		cueQuestion: "what which who whom whose when where why how",
		cueCommand:  "write find calculate compute determine explain describe list give create generate make show get use answer complete translate summarise summarize classify convert choose select compare identify draft rewrite fix check evaluate solve",
		cueCode:     "def return function class import int str string array code program python java javascript sql method variable input output loop api json test assert null true false print data file table",
		cueMath:     "number numbers sum total many much times equation integer integers value angle area probability ratio percent average equal prime square root triangle half twice per each cost",
		cueLogic:    "not if then all none every only must following except either neither nor because therefore statement",
		cuePerson:   "i me my we our us you your he she his her they their",
		cueCommon:   "the a an of to in is are was were and or for with on at by from as that this it be has have",
	} {
		for _, word := range strings.Fields(list) {
			state := uint64(seed)
			for _, c := range word {
				state = step(state, c)
			}
			m[state] = uint8(class)
		}
	}
	return m
}()
