/*
 * Many WebSocket clients in one process, for `npm run bench`: what a client costs here is what the benchmark can't give
 * to the broker, which shares its core. Knows no protocol above RFC 6455: per client it is given a path, what to send
 * and what to wait for. Obeys lines on standard input, answers each with a line of JSON; load/node-client.mjs does the
 * same without a compiler, and load/index.mjs says what the lines are.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
#define ADDRESSES 4 /* One alone runs out of ports at 28,000 clients. */
#define BINS_PER_OCTAVE 64
#define BINS (BINS_PER_OCTAVE * 36)
#define TEXT 1
#define CLOSE 8
#define PING 9
#define PONG 10

struct step {
  bool waits; /* for a text that holds these bytes; else they are sent */
  size_t length;
  char *bytes;
};

struct client {
  int fd;
  bool upgraded, ready, closed;
  int step, steps;
  struct step *plan;
  long next; /* the number that its next event must have; 0: any */
  size_t rest_length, rest_size;
  char *rest; /* of a frame that isn't complete yet */
  char *request;
};

static struct client **clients;
static int count, first_of_wave, waves_at_once, to_open, opened, settled, failed, port_of_wave;
static double wave_begun;
static int epoll;
static char chunk[CHUNK];

static long events, bytes_read, lost, repeated, closed_by_server;
static unsigned bins[BINS];
static long measured;
static long longest;
static double taken_at, cpu_at;
static long goal = -1;
static double goal_until;

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

static long micros(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

static void note(long latency) {
  if (latency < 0) latency = 0;
  int bin = (int)(log2((double)latency + 1) * BINS_PER_OCTAVE);
  bins[bin < BINS ? bin : BINS - 1]++;
  measured++;
  if (latency > longest) longest = latency;
}

static void print_share(const char *name, double share) {
  if (measured == 0) {
    printf(",\"%s\":null", name);
    return;
  }
  long left = (long)ceil(share * measured);
  int bin = -1;
  while (left > 0) left -= bins[++bin];
  double value = exp2((bin + 1) / (double)BINS_PER_OCTAVE) - 1;
  printf(",\"%s\":%.3f", name, (value < longest ? value : longest) / 1000);
}

static void open_next(void);

static void settle(struct client *c, bool good) {
  (void)c;
  settled++;
  if (!good) failed++;
  if (settled < to_open) {
    open_next();
  } else {
    printf("{\"reply\":\"connect\",\"ms\":%.3f,\"ready\":%d,\"failed\":%d}\n",
           (seconds(CLOCK_MONOTONIC) - wave_begun) * 1000, to_open - failed, failed);
    fflush(stdout);
  }
}

static void end(struct client *c, bool by_server) {
  if (c->closed) return;
  c->closed = true;
  if (!by_server) {
    /* A reset leaves no TIME_WAIT behind: ports would run out. */
    struct linger reset = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  close(c->fd);
  free(c->rest);
  c->rest = NULL;
  c->rest_length = c->rest_size = 0;
  if (by_server) closed_by_server++;
  if (by_server && !c->ready) settle(c, false);
}

/* A mask of zeros is a mask (RFC 6455 5.3 wants it unpredictable for the sake of proxies; there is none here). */
static void send_frame(struct client *c, int opcode, const char *content, size_t length) {
  char frame[8 + 65536];
  if (length > 65535) return;
  size_t header = length < 126 ? 6 : 8;
  memset(frame, 0, header);
  frame[0] = (char)(0x80 | opcode);
  frame[1] = (char)(0x80 | (length < 126 ? length : 126));
  if (length >= 126) {
    frame[2] = (char)(length >> 8);
    frame[3] = (char)(length & 0xff);
  }
  memcpy(frame + header, content, length);
  if (write(c->fd, frame, header + length) != (ssize_t)(header + length)) end(c, true);
}

static void go_on(struct client *c) {
  while (!c->closed && c->step < c->steps && !c->plan[c->step].waits) {
    struct step *step = &c->plan[c->step++];
    send_frame(c, TEXT, step->bytes, step->length);
  }
  if (!c->closed && !c->ready && c->step == c->steps) {
    c->ready = true;
    settle(c, true);
  }
}

static long digits(const char **at, const char *stop) {
  long value = 0;
  while (*at < stop && **at >= '0' && **at <= '9') value = value * 10 + *(*at)++ - '0';
  return value;
}

static void take_text(struct client *c, const char *text, size_t length, long now) {
  if (!c->ready) {
    struct step *step = &c->plan[c->step];
    if (c->step < c->steps && memmem(text, length, step->bytes, step->length) != NULL) {
      c->step++;
      go_on(c);
    }
    return;
  }
  const char *stop = text + length;
  const char *at = memmem(text, length, "{\"n\":", 5);
  if (at == NULL) {
    if (length == 1 && *text == '2') send_frame(c, TEXT, "3", 1); /* Engine.IO's ping */
    return;
  }
  at += 5;
  long number = digits(&at, stop);
  if (stop - at < 6 || memcmp(at, ",\"at\":", 6) != 0) return;
  at += 6;
  note(now - digits(&at, stop));
  events++;
  if (c->next != 0 && number > c->next) lost += number - c->next;
  if (c->next != 0 && number < c->next) repeated++;
  else c->next = number + 1;
}

/* Goes through whole frames; returns how many bytes they take. */
static size_t take_frames(struct client *c, const char *bytes, size_t length, long now) {
  size_t offset = 0;
  while (!c->closed && length - offset >= 2) {
    const unsigned char *head = (const unsigned char *)bytes + offset;
    size_t size = head[1] & 0x7f, header = 2;
    if (size == 126) {
      header = 4;
      if (length - offset < header) break;
      size = head[2] << 8 | head[3];
    } else if (size == 127) {
      header = 10;
      if (length - offset < header) break;
      size = (size_t)head[6] << 24 | head[7] << 16 | head[8] << 8 | head[9];
    }
    if (length - offset - header < size) break;
    const char *payload = bytes + offset + header;
    offset += header + size;
    switch (head[0] & 0x0f) {
      case TEXT: take_text(c, payload, size, now); break;
      case PING: send_frame(c, PONG, payload, size); break;
      case CLOSE: end(c, true); break;
      default: break;
    }
  }
  return offset;
}

static void take(struct client *c, char *bytes, size_t length, long now) {
  if (c->rest_length > 0 || !c->upgraded) {
    if (c->rest_size < c->rest_length + length) {
      c->rest_size = (c->rest_length + length) * 2;
      c->rest = realloc(c->rest, c->rest_size);
    }
    memcpy(c->rest + c->rest_length, bytes, length);
    c->rest_length += length;
    bytes = c->rest;
    length = c->rest_length;
  }
  size_t used = 0;
  if (!c->upgraded) {
    char *blank = memmem(bytes, length, "\r\n\r\n", 4);
    if (blank == NULL) return;
    if (memmem(bytes, length, " 101 ", 5) == NULL) {
      end(c, true);
      return;
    }
    c->upgraded = true;
    used = (size_t)(blank + 4 - bytes);
    go_on(c);
  }
  if (!c->closed) used += take_frames(c, bytes + used, length - used, now);
  if (c->closed) return;
  size_t left = length - used;
  if (left == 0) {
    /* 64 kB of frames once must not be held for ever by each of 15,000. */
    free(c->rest);
    c->rest = NULL;
    c->rest_size = 0;
  } else if (bytes == c->rest) {
    memmove(c->rest, c->rest + used, left);
  } else {
    c->rest_size = left * 2;
    c->rest = realloc(c->rest, c->rest_size);
    memcpy(c->rest, bytes + used, left);
  }
  c->rest_length = left;
}

static void readable(struct client *c, unsigned what) {
  if (c->closed) return;
  if (c->request != NULL) { /* The connect is through. */
    size_t length = strlen(c->request);
    bool sent = write(c->fd, c->request, length) == (ssize_t)length;
    free(c->request);
    c->request = NULL;
    struct epoll_event only_in = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &only_in);
    if (!sent) end(c, true);
    if (c->closed || !(what & EPOLLIN)) return;
  }
  ssize_t got = recv(c->fd, chunk, CHUNK, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    end(c, true);
    return;
  }
  bytes_read += got;
  take(c, chunk, (size_t)got, micros());
}

static void open_next(void) {
  if (opened == to_open) return;
  struct client *c = clients[first_of_wave + opened];
  static int serial;
  struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + serial++ % ADDRESSES);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons((unsigned short)port_of_wave);
  opened++;
  int yes = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) {
    c->closed = true;
    settle(c, false);
    return;
  }
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  struct epoll_event both = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
  if (bind(c->fd, (struct sockaddr *)&from, sizeof from) != 0 ||
      (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) ||
      epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &both) != 0) {
    end(c, true);
  }
}

static int hex(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }

static struct client *read_client(char *line) {
  struct client *c = calloc(1, sizeof *c);
  char *place = NULL;
  char *path = strtok_r(line, "\t", &place), *protocol = strtok_r(NULL, "\t", &place);
  char named[256] = "";
  if (strcmp(protocol, "-") != 0) snprintf(named, sizeof named, "Sec-WebSocket-Protocol: %s\r\n", protocol);
  if (asprintf(&c->request,
               "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
               path, named) < 0)
    exit(1);
  for (char *word; (word = strtok_r(NULL, "\t\n", &place)) != NULL;) {
    c->plan = realloc(c->plan, (size_t)(c->steps + 1) * sizeof *c->plan);
    struct step *step = &c->plan[c->steps++];
    step->waits = word[0] == 'E';
    step->length = strlen(word + 1) / 2;
    step->bytes = malloc(step->length + 1);
    for (size_t i = 0; i < step->length; i++)
      step->bytes[i] = (char)(hex(word[1 + 2 * i]) << 4 | hex(word[2 + 2 * i]));
  }
  return c;
}

static void connect_all(int port, int at_once, const char *file) {
  FILE *source = fopen(file, "r");
  char *line = NULL;
  size_t size = 0;
  if (source == NULL) exit(1);
  first_of_wave = count;
  while (getline(&line, &size, source) > 0) {
    clients = realloc(clients, (size_t)(count + 1) * sizeof *clients);
    clients[count++] = read_client(line);
  }
  free(line);
  fclose(source);
  to_open = count - first_of_wave;
  opened = settled = failed = 0;
  port_of_wave = port;
  waves_at_once = at_once;
  wave_begun = seconds(CLOCK_MONOTONIC);
  for (int i = 0; i < waves_at_once && opened < to_open; i++) open_next();
}

static void answer_take(void) {
  double now = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  int open = 0;
  for (int i = 0; i < count; i++) open += clients[i]->ready && !clients[i]->closed;
  printf("{\"reply\":\"take\",\"events\":%ld,\"bytes\":%ld,\"lost\":%ld,\"repeated\":%ld,\"closed\":%ld,\"open\":%d,"
         "\"ms\":%.3f,\"cpu\":%.6f",
         events, bytes_read, lost, repeated, closed_by_server, open, (now - taken_at) * 1000, cpu - cpu_at);
  print_share("p50", 0.5);
  print_share("p99", 0.99);
  print_share("p999", 0.999);
  printf(",\"max\":%.3f}\n", longest / 1000.0);
  memset(bins, 0, sizeof bins);
  events = bytes_read = lost = repeated = closed_by_server = measured = longest = 0;
  taken_at = now;
  cpu_at = cpu;
}

static void obey(char *line) {
  char word[16] = "", file[4096] = "";
  long a = 0, b = 0;
  sscanf(line, "%15s %ld %ld %4095[^\n]", word, &a, &b, file);
  if (strcmp(word, "connect") == 0) {
    connect_all((int)a, (int)b, file);
    return;
  }
  if (strcmp(word, "reach") == 0) {
    goal = a;
    goal_until = seconds(CLOCK_MONOTONIC) + b / 1000.0;
    return;
  }
  if (strcmp(word, "take") == 0) {
    answer_take();
  } else {
    for (int i = 0; i < count; i++) {
      if (strcmp(word, "deaf") == 0 && !clients[i]->closed) epoll_ctl(epoll, EPOLL_CTL_DEL, clients[i]->fd, NULL);
      if (strcmp(word, "hangUp") == 0) end(clients[i], false);
    }
    printf("{\"reply\":\"%s\"}\n", word);
  }
  fflush(stdout);
}

static void look_at_goal(void) {
  if (goal < 0 || (events < goal && seconds(CLOCK_MONOTONIC) < goal_until)) return;
  printf("{\"reply\":\"reach\",\"done\":%s}\n", events >= goal ? "true" : "false");
  fflush(stdout);
  goal = -1;
}

int main(void) {
  static char input[8192];
  size_t filled = 0;
  struct epoll_event happened[256], commands = {.events = EPOLLIN, .data.ptr = NULL};
  epoll = epoll_create1(0);
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &commands);
  taken_at = seconds(CLOCK_MONOTONIC);
  for (;;) {
    int number = epoll_wait(epoll, happened, 256, goal < 0 ? -1 : 100);
    for (int i = 0; i < number; i++) {
      if (happened[i].data.ptr != NULL) {
        readable(happened[i].data.ptr, happened[i].events);
        continue;
      }
      ssize_t got = read(0, input + filled, sizeof input - 1 - filled);
      if (got <= 0) return 0; /* Whoever started us is gone. */
      filled += (size_t)got;
      input[filled] = 0;
      for (char *stop; (stop = strchr(input, '\n')) != NULL;) {
        *stop = 0;
        obey(input);
        filled -= (size_t)(stop + 1 - input);
        memmove(input, stop + 1, filled + 1);
      }
    }
    look_at_goal();
  }
}
