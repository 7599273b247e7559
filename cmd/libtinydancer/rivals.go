package main

import (
	"slices"
	"strconv"

	"github.com/tinydancer/tinydancer/learn"
)

// What a model is tried against: the model that serves, and what the router
// weighs beside quality.

// presentPolicy is what the model that serves prefers at each row, told of
// sessions what it would have been told in service. What has corrected it since
// it was learned it is not told: that knows the outcomes that it is judged by.
func (s *school) presentPolicy() func(row int) int {
	now := s.now
	if now == nil || !s.fit && now.learned.Dimensions() != s.data.Dimensions {
		return nil
	}
	memory := make([]float32, now.learned.Dimensions())
	n := len(now.learned.Agents())
	quality := make([]float64, n)
	var scratch learn.Scratch
	column := map[string]int{}
	for k, name := range now.learned.Agents() {
		column[name] = k
	}
	choose := func(row int, turn *learn.Turn) int {
		if err := now.learned.PredictTurn(quality, nil, s.presentEmbedding(row, memory), turn, &scratch); err != nil {
			return -1
		}
		return now.prefers(s, column, s.lessons[row].Eligible, quality, now.learned.Familiarity(&scratch))
	}
	turns := map[int]int{} // choices at turns, by row
	states := map[int][]float32{}
	for _, t := range s.attendance.taken {
		turn := learn.Turn{State: states[t.session], Heard: t.heard}
		if turn.Heard.Agent >= 0 {
			turn.Heard.Agent = -1 // as in service, where the model does not know it
			if k, ok := column[s.data.Agents[t.heard.Agent]]; ok {
				turn.Heard.Agent = k
			}
		}
		read := true
		if t.row >= 0 {
			turns[t.row] = choose(t.row, &turn)
			read = turns[t.row] >= 0
		} else {
			request := t.request
			if s.fit {
				request = s.presently(t.pupil, memory)
			}
			read = now.learned.PredictTurn(quality, nil, request, &turn, &scratch) == nil
		}
		if read {
			states[t.session] = slices.Clone(now.learned.State(&scratch))
		}
	}
	return func(row int) int {
		if choice, ok := turns[row]; ok {
			return choice
		}
		return choose(row, nil)
	}
}

// prefers is the choice of the model among some agents, as a column of s; -1 if
// it knows none of them.
func (m *model) prefers(s *school, column map[string]int, eligible []int32, quality []float64, familiarity float64) int {
	fixed, best := -1, -1
	at := func(a int32) int {
		if k, ok := column[s.data.Agents[a]]; ok {
			return k
		}
		return -1
	}
	for _, a := range eligible {
		k := at(a)
		if k < 0 {
			continue
		}
		if fixed < 0 || m.fixedBetter(k, at(int32(fixed))) {
			fixed = int(a)
		}
	}
	if fixed < 0 {
		return -1
	}
	best = fixed
	for _, a := range eligible {
		if k := at(a); k >= 0 && m.learned.Proven(k) && quality[k] > quality[at(int32(best))] {
			best = int(a)
		}
	}
	if m.learned.Prefers(quality[at(int32(best))]-quality[at(int32(fixed))], familiarity) {
		return best
	}
	return fixed
}

// fixedBetter says whether always choosing a is worth more, as the router does.
func (m *model) fixedBetter(a, b int) bool {
	if x, y := m.learned.Proven(a), m.learned.Proven(b); x != y {
		return x
	}
	return m.learned.Mean(a) > m.learned.Mean(b)
}

// balanced is the balanced score of the agents as they are known now.
func (s *school) balanced() *learn.Balanced {
	now := s.by
	name := make(map[string]string, len(now.roster.ids)) // by the id of the row
	for agent, id := range now.roster.ids {
		name[strconv.FormatInt(id, 10)] = agent
	}
	var agents []string
	rest := func(row int, rest []float64) {
		agents = agents[:0]
		for _, a := range s.lessons[row].Eligible {
			agents = append(agents, name[s.data.Agents[a]]) // "" is no agent
		}
		now.BalancedRest(rest, s.data.Embedding(row), agents)
	}
	return &learn.Balanced{Quality: now.BalancedRest(nil, []float32{1}, nil), Rest: rest}
}
