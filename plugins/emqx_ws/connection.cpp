// The connection's life: upgrade, timing, closing, hand-over. Frames are in connection_io.cpp.
#include "emqx_ws/connection.hpp"

namespace ws {
namespace {

constexpr std::uint32_t kCloseSeconds = 3;  // for the peer's close frame
constexpr std::uint32_t kLater = 60;

}  // namespace

Connection::Connection(ShardRoom& room, SettingsPtr settings)
    : room_(room), settings_(std::move(settings)), since_(room.wheel.now()) {
  room_.came();
  room_.wheel.hang(*this, settings_->upgrade_timeout_s);
}

Connection::Connection(ShardRoom& room, SettingsPtr settings, const SavedConnection& saved)
    : room_(room),
      settings_(std::move(settings)),
      since_(room.wheel.now()),
      reader_(saved.reader),
      state_(static_cast<State>(saved.state)),
      compression_(saved.compression),
      counted_(saved.counted) {
  room_.came();
  room_.wheel.hang(*this, 1);
  if (!saved.held.empty()) extras().held = saved.held;
  if (!compression_) return;
  extras().terms = saved.terms;
  if (!saved.inflate_window.empty()) {
    extras().inflater = std::make_unique<Inflater>(15);
    extras().inflater->set_window(saved.inflate_window);
  }
  if (!saved.deflate_window.empty()) {
    extras().deflater = std::make_unique<Deflater>(deflate_options(), saved.terms.server_bits);
    extras().deflater->set_window(saved.deflate_window);
  }
}

Connection::~Connection() { room_.gone(); }

bool Connection::save(SavedConnection& out) const {
  const bool mid_compressed = reader_.compressed() && reader_.in_message();
  if (connection().id() == 0 || state_ == State::ended || mid_compressed) return false;
  out.connection = connection().id();
  out.stream = stream_.id();
  out.shard = room_.index;
  out.state = static_cast<std::uint8_t>(state_);
  out.compression = compression_;
  out.counted = counted_;
  out.listener = settings_->name;
  out.reader = reader_.state();
  if (!extras_) return true;
  out.terms = extras_->terms;
  out.held = extras_->held;
  if (extras_->inflater) out.inflate_window = extras_->inflater->window();
  if (extras_->deflater) out.deflate_window = extras_->deflater->window();
  return true;
}

// A stream that has ended meanwhile is found missing by look().
void Connection::adopt_stream(keel_handle stream) {
  room_.host.streams().adopt(stream, *this, room_.index).into(stream_).ignore();
}

Connection::Extras& Connection::extras() {
  if (!extras_) extras_ = std::make_unique<Extras>();
  return *extras_;
}

// ---- the upgrade

std::size_t Connection::data(std::string_view bytes) {
  std::size_t used = 0;
  if (state_ == State::request) used = on_request(bytes);
  if (state_ == State::open || state_ == State::closing) used += on_frames(bytes.substr(used));
  return state_ == State::ended ? bytes.size() : used;
}

// Answers how long the request was, once it is there.
std::size_t Connection::on_request(std::string_view bytes) {
  std::size_t seen = unconfirmed_, size = 0;
  const RequestEnd end = find_request_end(bytes, seen, size);
  unconfirmed_ = static_cast<std::uint32_t>(seen);
  if (end == RequestEnd::not_http) {
    refuse(refuse_upgrade(400, "This is no HTTP request."));
    return 0;
  }
  if ((end == RequestEnd::complete ? size : bytes.size()) > settings_->max_request) {
    refuse(refuse_upgrade(431, "The request is too large."));
    return 0;
  }
  if (end == RequestEnd::incomplete) return 0;
  unconfirmed_ = 0;
  const UpgradeAnswer answer = answer_upgrade(bytes.substr(0, size), settings_->upgrade);
  if (answer.status == 101) {
    upgrade(answer);
  } else {
    refuse(answer);
  }
  return size;
}

void Connection::upgrade(const UpgradeAnswer& answer) {
  if (const keel::Status opened = open_stream(answer); !opened) {
    room_.host.log().warning(settings_->name, ": ", opened);
    return refuse(refuse_upgrade(503, "The broker takes no more clients."));
  }
  state_ = State::open;
  since_ = room_.wheel.now();
  room_.wheel.hang(*this, settings_->idle_timeout_s == 0 ? kLater : settings_->idle_timeout_s);
  if (answer.compression) {
    compression_ = true;
    extras().terms = *answer.compression;
  }
  room_.metrics.upgraded();
  const keel_str response = keel::to_c(answer.response);
  write({&response, 1}, response.size);
}

keel::Status Connection::open_stream(const UpgradeAnswer& answer) {
  keel::Address client;
  if (!answer.address.empty()) {
    connection()
        .info([&](const keel::TcpInfo& info) {
          if (!settings_->trusted.contains(info.peer())) return;
          client = forwarded_client(answer.address, answer.port, settings_->trusted)
                       .value_or(keel::Address());
        })
        .ignore();
  }
  return room_.host.streams()
      .open({.connection = connection().id(), .peer = client}, *this)
      .into(stream_);
}

void Connection::refuse(const UpgradeAnswer& answer) {
  room_.host.log().debug(settings_->name, ": an upgrade was refused with ", answer.status);
  room_.metrics.refused(answer.status);
  counted_ = true;
  connection().write(answer.response).ignore();
  end();
}

// ---- timing

std::uint32_t Connection::look() {
  const std::uint32_t passed = room_.wheel.now() - since_;
  switch (state_) {
    case State::request:
      if (passed < settings_->upgrade_timeout_s) return settings_->upgrade_timeout_s - passed;
      refuse(refuse_upgrade(408, "The request took too long."));
      return kLater;
    case State::open:
      return look_open(passed);
    case State::closing:
      if (passed < kCloseSeconds) return kCloseSeconds - passed;
      abandon();
      return kLater;
    case State::ended:
      break;
  }
  return kLater;
}

std::uint32_t Connection::look_open(std::uint32_t silent) {
  if (!stream_) {
    begin_closing(code::going_away);
    return kCloseSeconds;
  }
  const std::uint32_t idle = settings_->idle_timeout_s;
  if (idle == 0 || paused_) return kLater;
  if (silent < idle) {
    pinged_ = false;
    return idle - silent;
  }
  if (!pinged_) {
    pinged_ = true;
    if (!congested_) send_control(Opcode::ping, {});
    return idle;
  }
  if (silent < 2 * idle) return 2 * idle - silent;
  fail({code::policy, "silent for too long"});
  return kLater;
}

// ---- the end

void Connection::say_goodbye() {
  if (state_ == State::request) return refuse(refuse_upgrade(503, "The broker is going away."));
  if (state_ == State::open) begin_closing(code::going_away);
}

// The peer may still answer, and is given a moment to.
void Connection::begin_closing(std::uint16_t with) {
  stream_.reset();
  send_close(with, {});
  count_close(with);
  state_ = State::closing;
  since_ = room_.wheel.now();
  room_.wheel.hang(*this, kCloseSeconds);
  if (paused_) connection().resume().ignore();
  paused_ = false;
}

// The peer broke the rules, or is not there.
void Connection::fail(const Violation& violation) {
  room_.host.log().debug(settings_->name, ": closed with ", violation.code, ", ", violation.text);
  if (state_ == State::open) {
    send_close(violation.code, violation.text);
    count_close(violation.code);
  }
  stream_.reset();
  end();
}

void Connection::end() {
  state_ = State::ended;
  // What was held back is for a peer that does not read.
  const bool slow = extras_ && !extras_->held.empty();
  (slow ? connection().close() : connection().shutdown()).ignore();
}

void Connection::count_close(std::uint16_t with) {
  if (!counted_) room_.metrics.closed(with);
  counted_ = true;
}

void Connection::closed(const keel::Closed&) {
  if (state_ != State::request) count_close(code::lost);
  state_ = State::ended;
  stream_.reset();
}

void Connection::stream_closed(const keel::Closed& why) {
  if (state_ != State::open || why.reason == KEEL_CLOSE_UNLOAD) return;
  if (why.reason == KEEL_CLOSE_SLOW) {
    count_close(code::policy);
    return abandon();
  }
  begin_closing(why.reason == KEEL_CLOSE_ERROR ? code::internal : code::normal);
}

}  // namespace ws
