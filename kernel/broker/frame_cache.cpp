#include "kernel/broker/frame_cache.hpp"

namespace keel::kernel {

const FrameCache::Frame& FrameCache::make(Version version, const PublishFields& fields) {
  const unsigned kind = kind_of(version == Version::v5, fields.qos);
  Frame& frame = frames_[kind];
  valid_ |= 1u << kind;
  OutBuffer& buffer = buffers_[kind];
  buffer.clear();
  frame.id_at = encode_publish_head(buffer, version, fields);
  frame.sliced = fields.payload.size() >= OutBuffer::kSliceFrom;
  if (!frame.sliced) buffer.append(fields.payload);
  iovec whole{};
  buffer.gather(&whole, 1);
  frame.head = {static_cast<const char*>(whole.iov_base), whole.iov_len};
  return frame;
}

}  // namespace keel::kernel
