// Asio is compiled here, once; every other file only declares it (ASIO_SEPARATE_COMPILATION).
#include <asio/impl/src.hpp>
