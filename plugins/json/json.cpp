// The library's sources, as one file.
#include <boost/json/src.hpp>
