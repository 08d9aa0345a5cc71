// An included file of the tests.
#include "first.cuh"
# include "second.cuh"
