package sender

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// regions are CleverTap's API hosts by the names that its documentation gives
// the regions (docs: Common API Components). There is no eu1 API host: eu1 is
// the dashboard's.
func regions() map[string]string {
	return map[string]string{
		"eu":   "api.clevertap.com",
		"in1":  "in1.api.clevertap.com",
		"sg1":  "sg1.api.clevertap.com",
		"us1":  "us1.api.clevertap.com",
		"aps3": "aps3.api.clevertap.com",
		"mec1": "mec1.api.clevertap.com",
	}
}

// Regions lists the names that RegionURL knows, sorted.
func Regions() []string {
	var names []string
	for name := range regions() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// RegionURL is the base URL of a region's API host, for Options.Endpoint. The
// error of an unknown name is an *OptionError that suggests the nearest.
func RegionURL(region string) (string, error) {
	if host, ok := regions()[strings.ToLower(region)]; ok {
		return "https://" + host, nil
	}
	hint := "use one of " + strings.Join(Regions(), ", ")
	if region != "" {
		hint = "did you mean " + nearest(strings.ToLower(region)) + "? It is one of " + strings.Join(Regions(), ", ")
	}
	return "", &OptionError{Option: "region", Problem: "no API host for region " + quote(region), Hint: hint}
}

// nearest is the region with the smallest edit distance; a region that the
// name begins with (eu for eu1) wins over the others.
func nearest(name string) string {
	best, least := "", 1<<30
	for _, region := range Regions() {
		distance := 2 * levenshtein.ComputeDistance(name, region)
		if strings.HasPrefix(name, region) {
			distance--
		}
		if distance < least {
			best, least = region, distance
		}
	}
	return best
}
