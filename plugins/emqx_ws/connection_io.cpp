// The connection's frames, in and out.
#include <array>

#include "emqx_ws/connection.hpp"

namespace ws {
namespace {

constexpr std::uint64_t kEnough = 64 * 1024;       // fed and not taken: no more for now
constexpr std::uint32_t kAskAfter = 64 * 1024;     // bytes written, before asking what waits
constexpr std::uint64_t kCongestion = 256 * 1024;  // bytes that wait: the peer is slow
constexpr std::size_t kWorthCompressing = 64;
// Inflated in one go: of the worst kind it becomes a thousand times as much, which feed() takes.
constexpr std::size_t kInflatedAtOnce = 1024;
constexpr std::size_t kFewPieces = 72;

constexpr std::uint8_t first_byte(Opcode opcode) {
  return static_cast<std::uint8_t>(kFin | static_cast<std::uint8_t>(opcode));
}

}  // namespace

// ---- in

std::size_t Connection::on_frames(std::string_view bytes) {
  std::size_t used = 0;
  Unmasked unmasked{in_place(bytes)};
  since_ = state_ == State::open ? room_.wheel.now() : since_;
  while (!paused_ && (state_ == State::open || state_ == State::closing)) {
    const std::string_view rest = bytes.substr(used);
    if (reader_.payload() != 0) {
      if (rest.empty()) break;
      used += on_payload(rest, unmasked);
    } else {
      char control[kMaxControl];
      std::size_t size = 0;
      const FrameReader::Step step =
          reader_.step(rest, {settings_->max_frame, compression_}, control, size);
      if (step.event == FrameReader::Event::need_more) break;
      used += step.consumed;
      if (step.event == FrameReader::Event::violation) {
        flush(unmasked);
        fail(step.violation);
        break;
      }
      ++room_.traffic.frames_in;
      if (step.event == FrameReader::Event::control) {
        if (step.opcode == Opcode::close) flush(unmasked);
        on_control(step.opcode, {control, size});
      }
    }
    if (reader_.payload() == 0) {
      const bool compressed = reader_.compressed();
      if (reader_.take_message_end() && compressed) end_compressed_message();
    }
  }
  flush(unmasked);
  return used;
}

// Payloads are moved together, so that many small frames are fed at once.
std::size_t Connection::on_payload(std::string_view bytes, Unmasked& unmasked) {
  if (reader_.compressed()) {
    flush(unmasked);
    return inflate(bytes);
  }
  const std::size_t n = reader_.take(bytes, unmasked.begin + unmasked.size, bytes.size());
  unmasked.size += n;
  return n;
}

void Connection::flush(Unmasked& unmasked) {
  if (unmasked.size != 0) feed({unmasked.begin, unmasked.size});
  unmasked.begin += unmasked.size;
  unmasked.size = 0;
}

void Connection::feed(std::string_view bytes) {
  if (state_ != State::open) return;
  room_.traffic.bytes_in += bytes.size();
  const keel::Result<std::uint64_t> backlog = stream_.feed(bytes);
  if (!backlog) {
    // Otherwise the stream is over, and stream_closed() is on its way.
    if (backlog.code() == KEEL_E_LIMIT) fail({code::internal, "the broker is overloaded"});
    return;
  }
  if (*backlog <= kEnough || paused_) return;
  paused_ = true;
  connection().pause().ignore();
}

// Also when it was another version of the plugin that paused.
void Connection::writable() {
  paused_ = false;
  connection().resume().ignore();
}

std::size_t Connection::inflate(std::string_view bytes) {
  char some[kInflatedAtOnce];
  const std::size_t n = reader_.take(bytes, some, sizeof some);
  if (state_ != State::open) return n;
  auto& inflater = extras().inflater;
  if (!inflater) inflater = room_.borrow_inflater();
  check(inflater->add({some, n}, deflate_options().max_inflated,
                      [this](std::string_view inflated) { feed(inflated); }));
  return n;
}

void Connection::end_compressed_message() {
  if (state_ != State::open) return;
  auto& inflater = extras().inflater;
  if (!inflater) inflater = room_.borrow_inflater();
  check(inflater->end(deflate_options().max_inflated,
                      [this](std::string_view inflated) { feed(inflated); }));
  if (!extras().terms.client_takeover) room_.give_back(std::move(inflater));
}

void Connection::check(Inflater::Outcome outcome) {
  if (state_ != State::open || outcome == Inflater::Outcome::ok) return;
  if (outcome == Inflater::Outcome::too_big) {
    return fail({code::too_big, "a message that inflates above max_inflated_size"});
  }
  fail({code::bad_data, "a message that cannot be inflated"});
}

void Connection::on_control(Opcode opcode, std::string_view payload) {
  if (opcode == Opcode::close) return on_close(payload);
  if (opcode != Opcode::ping || state_ != State::open) return;
  if (!congested_) return send_control(Opcode::pong, payload);
  extras().pong = payload;
  extras().pong_due = true;
}

void Connection::on_close(std::string_view payload) {
  const CloseInfo said = read_close(payload);
  if (said.violation.code != 0) return fail(said.violation);
  if (state_ == State::open) {
    count_close(said.code);
    said.code == code::none ? send_control(Opcode::close, {}) : send_close(said.code, {});
  }
  stream_.reset();
  end();
}

// ---- out

void Connection::output(std::span<const keel_str> pieces) {
  if (state_ != State::open) return;
  std::size_t size = 0;
  for (const keel_str& piece : pieces) size += piece.size;
  room_.traffic.bytes_out += size;
  if (compression_ && size >= kWorthCompressing) return send_compressed(pieces, size);
  send_frame(first_byte(Opcode::binary), pieces, size);
}

void Connection::send_compressed(std::span<const keel_str> pieces, std::size_t size) {
  const DeflateTerms& terms = extras_->terms;
  std::vector<std::string_view> texts;
  for (const keel_str& piece : pieces) texts.push_back(keel::view(piece));
  room_.packed.clear();
  if (!terms.server_takeover) {
    room_.deflater(deflate_options(), terms.server_bits).message(texts, room_.packed);
    if (room_.packed.size() >= size) {
      return send_frame(first_byte(Opcode::binary), pieces, size);
    }
  } else {
    auto& deflater = extras_->deflater;
    if (!deflater) deflater = std::make_unique<Deflater>(deflate_options(), terms.server_bits);
    deflater->message(texts, room_.packed);
  }
  const keel_str packed = keel::to_c(room_.packed);
  send_frame(first_byte(Opcode::binary) | kRsv1, {&packed, 1}, packed.size);
}

void Connection::send_frame(std::uint8_t first, std::span<const keel_str> pieces,
                            std::size_t size) {
  char head[kMaxServerHead];
  std::array<keel_str, kFewPieces> few;
  std::vector<keel_str> many;
  keel_str* all = few.data();
  if (pieces.size() >= few.size()) {
    many.resize(pieces.size() + 1);
    all = many.data();
  }
  all[0] = {head, write_head(head, first, size)};
  std::copy(pieces.begin(), pieces.end(), all + 1);
  ++room_.traffic.frames_out;
  write({all, pieces.size() + 1}, all[0].size + size);
}

void Connection::send_control(Opcode opcode, std::string_view payload) {
  const keel_str piece = keel::to_c(payload);
  send_frame(first_byte(opcode), {&piece, 1}, payload.size());
}

void Connection::send_close(std::uint16_t with, std::string_view reason) {
  char payload[kMaxControl] = {static_cast<char>(with >> 8), static_cast<char>(with)};
  const std::size_t size = reason.copy(payload + 2, sizeof payload - 2);
  send_control(Opcode::close, {payload, 2 + size});
}

// All of it or nothing is taken; what is not is kept, and there is no more output until it is gone.
void Connection::write(std::span<const keel_str> pieces, std::size_t size) {
  const bool behind = extras_ && !extras_->held.empty();
  if (behind || connection().write(pieces.data(), pieces.size()) == KEEL_E_LIMIT) {
    for (const keel_str& piece : pieces) extras().held += keel::view(piece);
    return congest();
  }
  unconfirmed_ += static_cast<std::uint32_t>(size);
  if (unconfirmed_ < kAskAfter) return;
  unconfirmed_ = 0;
  if (connection().pending() > kCongestion) congest();
}

void Connection::congest() {
  if (congested_) return;
  congested_ = true;
  stream_.pause().ignore();
  connection().notify_drained().ignore();
}

void Connection::drained() {
  congested_ = false;
  unconfirmed_ = 0;
  if (extras_ && !extras_->held.empty()) {
    const std::string held = std::exchange(extras_->held, {});
    const keel_str piece = keel::to_c(held);
    write({&piece, 1}, held.size());
  }
  if (congested_) return;
  if (extras_ && std::exchange(extras_->pong_due, false) && state_ == State::open) {
    send_control(Opcode::pong, std::exchange(extras_->pong, {}));
  }
  stream_.resume().ignore();
}

}  // namespace ws
