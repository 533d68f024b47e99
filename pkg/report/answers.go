package report

import (
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
)

// answerLine is a kind of answer, worded.
type answerLine struct {
	Kind, Name, Count, Percent, Text string
	Share                            float64
}

// answerName is a kind of answer in few words.
func answerName(kind string) string {
	switch kind {
	case AnswerPartial:
		return "partly accepted"
	case AnswerConflict:
		return "conflict (409)"
	case Answer429:
		return "too many at once (429)"
	case AnswerError:
		return "server error"
	case AnswerGarbage:
		return "not understood"
	case AnswerNone:
		return "no answer"
	case AnswerStop:
		return "access refused"
	}
	return kind
}

// answerText says what a kind of answer means, and what was done about it.
func answerText(kind string) string {
	switch kind {
	case AnswerAccepted:
		return "the API took all of the batch"
	case AnswerPartial:
		return "the API took some of the batch, and said which"
	case AnswerRefused:
		return "something in the batch is bad: it was split to find out what"
	case AnswerConflict:
		return "the API could not do it now"
	case Answer429:
		return "somebody else uses the account too: sent again, slower"
	case AnswerError:
		return "the API's own fault: sent again later"
	case AnswerGarbage:
		return "a success that is none: not believed, sent again"
	case AnswerNone:
		return "time-out or broken connection: sent again"
	case AnswerStop:
		return "credentials, region or path: the run stopped"
	}
	return ""
}

func answerLines(answers map[string]int64) []answerLine {
	var total int64
	for _, n := range answers {
		total += n
	}
	kinds := slices.SortedFunc(maps.Keys(answers), func(a, b string) int {
		if answers[a] != answers[b] {
			return int(min(max(answers[b]-answers[a], -1), 1))
		}
		return strings.Compare(a, b)
	})
	var lines []answerLine
	for _, k := range kinds {
		if n := answers[k]; n > 0 {
			lines = append(lines, answerLine{k, answerName(k), humanize.Comma(n), percentText(n, total), answerText(k), barOf(n, total)})
		}
	}
	return lines
}
