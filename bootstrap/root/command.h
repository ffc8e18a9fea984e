/* What can be typed at root: `help` says what there is. */
#pragma once

/* Carries out a line, which it changes. */
void command_do(char *line);
