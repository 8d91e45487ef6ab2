#include "emqx_ws/deflate.hpp"

#include <new>

namespace ws {
namespace {

constexpr std::size_t kWindow = 32 * 1024;
constexpr std::string_view kTail("\x00\x00\xff\xff", 4);  // of a flush; not sent

Bytef* bytes(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

}  // namespace

Inflater::Inflater(int bits) {
  if (inflateInit2(&z_, -bits) != Z_OK) throw std::bad_alloc();
}
Inflater::~Inflater() { inflateEnd(&z_); }

Inflater::Outcome Inflater::add(std::string_view compressed, std::uint64_t limit,
                                const std::function<void(std::string_view)>& out) {
  char portion[kPortion];
  z_.next_in = bytes(compressed);
  z_.avail_in = static_cast<uInt>(compressed.size());
  do {
    if (ended_) {  // a block that said it was the last: the next begins anew
      inflateResetKeep(&z_);
      ended_ = false;
    }
    z_.next_out = reinterpret_cast<Bytef*>(portion);
    z_.avail_out = sizeof portion;
    const int status = inflate(&z_, Z_SYNC_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return Outcome::broken;
    const std::size_t size = sizeof portion - z_.avail_out;
    inflated_ += size;
    if (limit != 0 && inflated_ > limit) return Outcome::too_big;
    if (size != 0) out({portion, size});
    ended_ = status == Z_STREAM_END;
    if (status == Z_BUF_ERROR && size == 0) break;
  } while (z_.avail_in != 0 || z_.avail_out == 0);
  return Outcome::ok;
}

Inflater::Outcome Inflater::end(std::uint64_t limit,
                                const std::function<void(std::string_view)>& out) {
  const Outcome outcome = add(kTail, limit, out);
  inflated_ = 0;
  return outcome;
}

void Inflater::reset() {
  inflateReset(&z_);
  inflated_ = 0;
  ended_ = false;
}

std::string Inflater::window() const {
  std::string out(kWindow, '\0');
  uInt size = kWindow;
  inflateGetDictionary(const_cast<z_stream*>(&z_), bytes(out), &size);
  out.resize(size);
  return out;
}

void Inflater::set_window(std::string_view window) {
  if (!window.empty()) {
    inflateSetDictionary(&z_, bytes(window), static_cast<uInt>(window.size()));
  }
}

Deflater::Deflater(const DeflateOptions& options, int bits) {
  if (deflateInit2(&z_, options.level, Z_DEFLATED, -bits, options.mem_level, options.strategy) !=
      Z_OK) {
    throw std::bad_alloc();
  }
}
Deflater::~Deflater() { deflateEnd(&z_); }

void Deflater::message(std::span<const std::string_view> pieces, std::string& out) {
  const std::size_t begin = out.size();
  std::size_t used = begin;
  const auto run = [&](int flush) {
    do {
      if (out.size() - used < 64) out.resize(used + 1024 + z_.avail_in / 2);
      z_.next_out = bytes(out) + used;
      z_.avail_out = static_cast<uInt>(out.size() - used);
      deflate(&z_, flush);
      used = out.size() - z_.avail_out;
    } while (z_.avail_out == 0 || z_.avail_in != 0);
  };
  for (const std::string_view piece : pieces) {
    z_.next_in = bytes(piece);
    z_.avail_in = static_cast<uInt>(piece.size());
    if (!piece.empty()) run(Z_NO_FLUSH);
  }
  z_.avail_in = 0;
  run(Z_SYNC_FLUSH);
  out.resize(used);
  if (std::string_view(out).substr(begin).ends_with(kTail)) out.resize(used - kTail.size());
  if (out.size() == begin) out += '\0';  // nothing, said twice: the beginning of an empty block
}

void Deflater::reset() { deflateReset(&z_); }

std::string Deflater::window() const {
  std::string out(kWindow, '\0');
  uInt size = kWindow;
  deflateGetDictionary(const_cast<z_stream*>(&z_), bytes(out), &size);
  out.resize(size);
  return out;
}

void Deflater::set_window(std::string_view window) {
  if (!window.empty()) {
    deflateSetDictionary(&z_, bytes(window), static_cast<uInt>(window.size()));
  }
}

}  // namespace ws
