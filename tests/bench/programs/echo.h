/* The service that is measured: the reply is the request, its first word one more. */
#pragma once

#define ECHO_VERSION 1u
