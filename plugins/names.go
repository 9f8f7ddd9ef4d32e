package plugins

import (
	"strings"

	pb "github.com/gokeras/gk/plugins/proto/v1"
)

// This file owns names: how classes and kinds are called, and which names are taken from a plugin. They are checked by hand, as patterns of
// so many repetitions take a millisecond to compile whenever gk starts.

// ClassName is the full name of a class: "acme>Rational".
func ClassName(c *pb.Class) string {
	if c.GetPackage() == "" {
		return c.GetName()
	}
	return c.GetPackage() + ">" + c.GetName()
}

// KindName is the name of a kind as tables and people have it: "layer".
func KindName(k pb.Kind) string { return strings.ToLower(strings.TrimPrefix(k.String(), "KIND_")) }

// ValidName reports whether a plugin may be called so: 1 to 64 of a-z, 0-9 and -.
func ValidName(s string) bool {
	return made(s, 1, 64, func(c byte) bool { return isLower(c) || isDigit(c) || c == '-' })
}

func validPackage(s string) bool { return made(s, 0, 128, inClass) }

func validClass(s string) bool {
	return made(s, 1, 128, inClass) && (isLower(s[0]) || isUpper(s[0]) || s[0] == '_')
}

func validWeight(s string) bool {
	return made(s, 1, 256, func(c byte) bool { return inClass(c) || c == '/' || c == ' ' || c == ':' })
}

func inClass(c byte) bool {
	return isLower(c) || isUpper(c) || isDigit(c) || c == '_' || c == '.' || c == '-'
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// made reports whether a name is so long and made of such characters alone.
func made(s string, least, most int, of func(c byte) bool) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		if !of(s[i]) {
			return false
		}
	}
	return true
}
