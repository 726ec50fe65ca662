# Reads the arithmetic expression in the environment variable EXPRESSION, and prints a program for bc that calculates it,
# one operation a line. What is no expression is told with the place where it stops being one, and ends with 1.
#   sum = product { ("+" | "-") product }
#   product = signed { ("*" | "/" | "%") signed }
#   signed = ("+" | "-") signed | power
#   power = primary [ "^" signed ]
#   primary = number | "(" sum ")"

BEGIN {
  MOST_CHARACTERS = 1000
  MOST_DEPTH = 100
  MOST_EXPONENT = 10000
  text = ENVIRON["EXPRESSION"]
  at = 1
  count = 0
  lines = ""
  if (length(text) > MOST_CHARACTERS)
    refuse("the expression has " length(text) " characters, and can have " MOST_CHARACTERS " at most")
  result = sum(0)
  if (at <= length(text)) refuse("found " seen() ", wanted an operator or the end")
  print "scale = 20"
  printf "%s", lines
  print result
}

function refuse(message) {
  print message
  exit 1
}

# What comes there, in words: whatever it is, it is one line and can be read.
function seen(   character) {
  character = substr(text, at, 1)
  if (character == "") return "the end of the expression"
  return (character ~ /^[!-~]$/ ? "'" character "'" : "a character that is none of arithmetic") " at place " at
}

function peek() {
  while (substr(text, at, 1) ~ /^[ \t]$/) at++
  return substr(text, at, 1)
}

# A new variable that holds what is calculated.
function keep(calculation) {
  count++
  lines = lines "t[" count "] = " calculation "\n"
  return "t[" count "]"
}

function stopIf(condition, message) {
  lines = lines "if (" condition ") { print \"!" message "\"; halt }\n"
}

function sum(depth,   left, right, operator) {
  left = product(depth)
  while ((operator = peek()) == "+" || operator == "-") {
    at++
    right = product(depth)
    left = keep(left " " operator " " right)
  }
  return left
}

function product(depth,   left, right, operator) {
  left = signed(depth)
  while ((operator = peek()) == "*" || operator == "/" || operator == "%") {
    at++
    right = signed(depth)
    if (operator != "*") stopIf(right " == 0", "division by zero")
    # The remainder of a whole division: with decimal places bc would leave next to nothing.
    if (operator == "%") lines = lines "scale = 0\n"
    left = keep(left " " operator " " right)
    if (operator == "%") lines = lines "scale = 20\n"
  }
  return left
}

function signed(depth,   operator, inner) {
  operator = peek()
  if (operator != "+" && operator != "-") return power(depth)
  if (depth >= MOST_DEPTH) refuse("the expression is nested more than " MOST_DEPTH " deep")
  at++
  inner = signed(depth + 1)
  return operator == "+" ? inner : keep("0 - " inner)
}

function power(depth,   base, exponent, whole) {
  base = primary(depth)
  if (peek() != "^") return base
  if (depth >= MOST_DEPTH) refuse("the expression is nested more than " MOST_DEPTH " deep")
  at++
  exponent = signed(depth + 1)
  lines = lines "scale = 0\n"
  whole = keep(exponent " / 1")
  lines = lines "scale = 20\n"
  stopIf(whole " != " exponent, "an exponent must be a whole number")
  stopIf(whole " > " MOST_EXPONENT, "an exponent can be " MOST_EXPONENT " at most")
  stopIf(whole " < -" MOST_EXPONENT, "an exponent can be -" MOST_EXPONENT " at least")
  lines = lines "if (" base " == 0) {\n"
  stopIf(whole " < 0", "division by zero")
  lines = lines "}\n"
  return keep(base " ^ " whole)
}

function primary(depth,   inner, from) {
  if (peek() == "(") {
    if (depth >= MOST_DEPTH) refuse("the expression is nested more than " MOST_DEPTH " deep")
    at++
    inner = sum(depth + 1)
    if (peek() != ")") refuse("found " seen() ", wanted ')'")
    at++
    return inner
  }
  from = at
  while (substr(text, at, 1) ~ /^[0-9]$/) at++
  if (substr(text, at, 1) == ".") {
    at++
    while (substr(text, at, 1) ~ /^[0-9]$/) at++
  }
  if (substr(text, from, at - from) !~ /[0-9]/) {
    at = from
    refuse("found " seen() ", wanted a number or '('")
  }
  return keep(substr(text, from, at - from))
}
