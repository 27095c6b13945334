#include "pipeline/lookup/dns_client.h"

#include <ares.h>
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace winnow {

namespace {

using Clock = ServerHealth::Clock;
constexpr size_t kNameBytesMax = 255, kLabelBytesMax = 63;
constexpr uint16_t kEdnsBytes = 1232;  // fits every path without fragments (DNS flag day 2020)
constexpr int kReceiveBuffer = 1 << 20;
constexpr uint64_t kWakeMark = UINT64_MAX;

void put_two(std::vector<uint8_t>& packet, unsigned value) {
  packet.push_back(static_cast<uint8_t>(value >> 8));
  packet.push_back(static_cast<uint8_t>(value));
}

}  // namespace

bool write_dns_query(std::string_view name, uint16_t type, uint16_t id, bool authentic, bool edns,
                     std::vector<uint8_t>& packet) {
  if (name.size() + 2 > kNameBytesMax) return false;
  packet.clear();
  put_two(packet, id);
  put_two(packet, 0x0100u | (authentic ? 0x0020u : 0u));  // RD, AD
  put_two(packet, 1);
  put_two(packet, 0);
  put_two(packet, 0);
  put_two(packet, edns ? 1 : 0);
  while (!name.empty()) {
    const size_t dot = std::min(name.find('.'), name.size());
    if (dot == 0 || dot > kLabelBytesMax) return false;
    packet.push_back(static_cast<uint8_t>(dot));
    packet.insert(packet.end(), name.begin(), name.begin() + static_cast<ptrdiff_t>(dot));
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  packet.push_back(0);
  put_two(packet, type);
  put_two(packet, 1);
  if (!edns) return true;
  packet.push_back(0);  // OPT (RFC 6891 6.1.2), last: c-ares takes 11 bytes off after FORMERR
  put_two(packet, 41);
  put_two(packet, kEdnsBytes);
  put_two(packet, 0);
  put_two(packet, 0);
  put_two(packet, 0);
  return true;
}

struct DnsClient::Channel {
  struct Open {
    DnsClient* client;
    Channel* channel;
    uint64_t token;
  };

  Channel(DnsClient& owner, const DnsServer& server, size_t number) : client(owner), index(number) {
    ares_options options{};
    options.flags =
        ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP | ARES_FLAG_EDNS;
    options.timeout = static_cast<int>(owner.options_.timeout_ms);
    options.tries = 1;
    options.ednspsz = kEdnsBytes;
    options.socket_receive_buffer_size = kReceiveBuffer;
    char lookups[] = "b";
    options.lookups = lookups;
    in_addr nowhere{htonl(INADDR_LOOPBACK)};  // else files of the system are read; replaced below
    options.servers = &nowhere;
    options.nservers = 1;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
      static_cast<Channel*>(self)->watch(fd, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    [[maybe_unused]] const int made =
        ares_init_options(&ares, &options,
                          ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
                              ARES_OPT_SOCK_RCVBUF | ARES_OPT_LOOKUPS | ARES_OPT_SERVERS |
                              ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB);
    assert(made == ARES_SUCCESS);
    ares_addr_port_node node{};
    node.udp_port = node.tcp_port = server.port;
    node.family = server.address.find(':') == std::string::npos ? AF_INET : AF_INET6;
    inet_pton(node.family, server.address.c_str(), &node.addr);
    ares_set_servers_ports(ares, &node);
  }
  ~Channel() { ares_destroy(ares); }  // calls back for what is open
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void watch(int fd, bool readable, bool writable) {
    epoll_event event{};
    event.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
    event.data.u64 = uint64_t{index} << 32 | static_cast<uint32_t>(fd);
    if (event.events == 0)
      epoll_ctl(client.epoll_, EPOLL_CTL_DEL, fd, nullptr);
    else if (epoll_ctl(client.epoll_, EPOLL_CTL_MOD, fd, &event) != 0)
      epoll_ctl(client.epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  static void came(void* argument, int status, int, unsigned char* bytes, int length) {
    const std::unique_ptr<Open> open(static_cast<Open*>(argument));
    --open->channel->open;
    Arrived arrived{open->token, Arrival::kFailed, {}};
    if (status == ARES_SUCCESS) {
      arrived.what = Arrival::kReply;
      arrived.packet.assign(bytes, bytes + length);
      DnsClient& client = *open->client;
      // FORMERR from a server that does not know OPT: from now on without.
      if (length >= 4 && (bytes[3] & 0xF) == 1)
        client.plain_[open->channel->index / client.options_.sockets] = true;
    } else if (status == ARES_ETIMEOUT) {
      arrived.what = Arrival::kTimeout;
    }
    if (status != ARES_EDESTRUCTION) open->client->arrived_.push_back(std::move(arrived));
  }

  DnsClient& client;
  const size_t index;
  ares_channel ares = nullptr;
  size_t open = 0;
  Clock::time_point next_check = Clock::time_point::max();
};

DnsClient::DnsClient(const DnsClientOptions& options, Done done)
    : options_(options),
      done_(std::move(done)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      channels_(options_.servers.list.size() * options_.sockets),
      plain_(options_.servers.list.size()) {
  assert(options_.sockets > 0);
  ares_library_init(ARES_LIB_INIT_ALL);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeMark;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
}

DnsClient::~DnsClient() {
  channels_.clear();
  close(wake_);
  close(epoll_);
}

uint16_t DnsClient::random() {
  if (random_.empty()) {
    random_.resize(128);
    while (getrandom(random_.data(), random_.size() * sizeof(uint16_t), 0) < 0) {
    }
  }
  const uint16_t value = random_.back();
  random_.pop_back();
  return value;
}

DnsClient::Channel& DnsClient::channel(size_t server) {
  const size_t at = server * options_.sockets + random() % options_.sockets;
  if (!channels_[at])
    channels_[at] = std::make_unique<Channel>(*this, options_.servers.list[server], at);
  return *channels_[at];
}

bool DnsClient::send(size_t server, uint64_t token, std::string_view name, uint16_t type) {
  std::vector<uint8_t> packet;
  if (!write_dns_query(name, type, random(), options_.dnssec, !plain_[server], packet))
    return false;
  Channel& to = channel(server);
  ++to.open;
  to.next_check =
      std::min(to.next_check, Clock::now() + std::chrono::milliseconds(options_.timeout_ms));
  ares_send(to.ares, packet.data(), static_cast<int>(packet.size()), Channel::came,
            new Channel::Open{this, &to, token});
  return true;
}

int DnsClient::wait_for(int wait_ms) const {
  if (!arrived_.empty()) return 0;
  Clock::time_point first = Clock::time_point::max();
  for (const std::unique_ptr<Channel>& one : channels_)
    if (one && one->open > 0) first = std::min(first, one->next_check);
  if (first == Clock::time_point::max()) return wait_ms;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now()).count();
  const int own = static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
  return wait_ms < 0 ? own : std::min(own, wait_ms);
}

// c-ares looks at its time-outs only when told to.
void DnsClient::check_timeouts() {
  const Clock::time_point now = Clock::now();
  const auto step = std::chrono::milliseconds(std::max(5u, options_.timeout_ms / 16));
  for (const std::unique_ptr<Channel>& one : channels_) {
    if (!one || one->next_check > now) continue;
    ares_process_fd(one->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    one->next_check = one->open > 0 ? now + step : Clock::time_point::max();
  }
}

void DnsClient::run(int wait_ms) {
  epoll_event events[64];
  const int count = epoll_wait(epoll_, events, 64, wait_for(wait_ms));
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u64 == kWakeMark) {
      uint64_t times = 0;
      if (read(wake_, &times, sizeof times) < 0) continue;
      continue;
    }
    const int fd = static_cast<int>(events[i].data.u64 & UINT32_MAX);
    Channel& channel = *channels_[events[i].data.u64 >> 32];
    const uint32_t what = events[i].events;
    ares_process_fd(channel.ares, what & (EPOLLIN | EPOLLERR | EPOLLHUP) ? fd : ARES_SOCKET_BAD,
                    what & EPOLLOUT ? fd : ARES_SOCKET_BAD);
  }
  check_timeouts();
  std::vector<Arrived> arrived;
  arrived.swap(arrived_);
  for (const Arrived& one : arrived) done_(one.token, one.what, one.packet);
}

void DnsClient::wake() {
  const uint64_t one = 1;
  if (write(wake_, &one, sizeof one) < 0) return;  // it is awake already
}

}  // namespace winnow
