# calls.list as rows of C: CALL(number, name) of what is done, REFUSED(number, error) of the rest.
/^#/ || !NF { next }
NF != 3 || $1 != rows { print FILENAME ":" FNR ": expected row " rows + 0 >"/dev/stderr"; exit 1 }
{ rows++ }
$3 == "done" { print "CALL(" $1 ", " $2 ")"; next }
{ print "REFUSED(" $1 ", " $3 ")" }
