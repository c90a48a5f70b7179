package Weir::H2;

# The frames of HTTP/2 (RFC 9113) for the tests, with as much of HPACK (RFC 7541) as it takes to
# read what another side writes: a connection answers well or badly, for every byte is the test's.

use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);

our @EXPORT_OK = qw(DATA HEADERS RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION
    END_STREAM END_HEADERS);

use constant {DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PUSH_PROMISE => 5, PING => 6, GOAWAY => 7,
    WINDOW_UPDATE => 8, CONTINUATION => 9};
use constant {END_STREAM => 1, ACK => 1, END_HEADERS => 4, PADDED => 8, PRIORITY => 32};
use constant PREFACE => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

# Appendix A.
my @static = map { [/\A(:?[^:]+)(?::(.*))?\z/] } (
    qw(:authority :method:GET :method:POST :path:/ :path:/index.html :scheme:http :scheme:https :status:200
    :status:204 :status:206 :status:304 :status:400 :status:404 :status:500 accept-charset),
    'accept-encoding:gzip, deflate',
    qw(accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control
    content-disposition content-encoding content-language content-length content-location content-range
    content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range
    if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range
    referer refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary
    via www-authenticate)
);

# Appendix B: how many bits each byte takes; the codes of one length go by the byte's value.
my @bits = qw(
    13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28
    6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10
    13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6
    15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28
    20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24
    22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23
    26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27
    20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26);
my %code;

sub _codes {
    my $code = 0;
    my $last = 5;
    for my $byte (sort { $bits[$a] <=> $bits[$b] || $a <=> $b } 0 .. 255) {
        $code <<= $bits[$byte] - $last;
        $last = $bits[$byte];
        $code{sprintf '%0*b', $last, $code++} = chr $byte;
    }
    return;
}

sub _unhuffman {
    my ($bytes) = @_;
    _codes() if !%code;
    my ($text, $run) = ('', '');
    for my $bit (split //, unpack 'B*', $bytes) {
        $run .= $bit;
        next if !exists $code{$run};
        $text .= $code{$run};
        $run = '';
    }
    return $text;
}

# server(SOCKET [, settings => {ID => VALUE...}] [, silent => 1]): has read the preface and sent SETTINGS.
sub server {
    my ($class, $sock, %o) = @_;
    my $self = bless {sock => $sock, in => '', table => [], size => 4096}, $class;
    my $preface = $self->_bytes(length PREFACE) // return;
    return if $preface ne PREFACE;
    $self->settings(%{$o{settings} // {}}) if !$o{silent};
    return $self;
}

# client(SOCKET): has sent the preface and SETTINGS.
sub client {
    my ($class, $sock) = @_;
    my $self = bless {sock => $sock, in => '', table => [], size => 4096, stream => -1}, $class;
    $self->raw(PREFACE);
    $self->settings;
    return $self;
}

# A new stream: FIELDS follow the pseudo-fields of a POST to PATH.
sub post {
    my ($self, $path, $fields, $end) = @_;
    $self->{stream} += 2;
    $self->headers($self->{stream},
        [':method' => 'POST', ':scheme' => 'http', ':authority' => 'localhost', ':path' => $path, @$fields], $end);
    return $self->{stream};
}

# The answer on a stream, others' frames are dropped: {head, body, trailers, reset}; undef when the connection ends.
sub answer {
    my ($self, $stream) = @_;
    my %r = (body => '');
    while (my $f = $self->next) {
        next if $f->{stream} != $stream;
        if ($f->{type} == HEADERS) {
            $r{exists $r{head} && $r{head}{':status'} >= 200 ? 'trailers' : 'head'} = $f->{fields};
        } elsif ($f->{type} == DATA) {
            $r{body} .= $f->{payload};
        } elsif ($f->{type} == RST_STREAM) {
            $r{reset} = unpack 'N', $f->{payload};
        }
        return \%r if $f->{end} || exists $r{reset};
    }
    return;
}

sub _bytes {
    my ($self, $n) = @_;
    while (length $self->{in} < $n) {
        my $got = sysread $self->{sock}, $self->{in}, 65536, length $self->{in};
        return if !$got;
    }
    return substr $self->{in}, 0, $n, '';
}

# Bytes as they are.
sub raw {
    my ($self, $bytes) = @_;
    while (length $bytes) {
        my $n = syswrite $self->{sock}, $bytes;
        return 0 if !$n;
        substr $bytes, 0, $n, '';
    }
    return 1;
}

sub frame {
    my ($self, $type, $flags, $stream, $payload) = @_;
    $payload //= '';
    return $self->raw(substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $stream) . $payload);
}

sub settings {
    my ($self, %o) = @_;
    return $self->frame(SETTINGS, 0, 0, join '', map { pack 'nN', $_, $o{$_} } sort keys %o);
}

sub window { my ($self, $stream, $bytes) = @_; return $self->frame(WINDOW_UPDATE, 0, $stream, pack 'N', $bytes) }
sub reset_stream { my ($self, $stream, $code) = @_; return $self->frame(RST_STREAM, 0, $stream, pack 'N', $code) }
sub goaway { my ($self, $last, $code) = @_; return $self->frame(GOAWAY, 0, 0, pack 'NN', $last, $code // 0) }

sub _text {
    my ($text) = @_;
    my $n = length $text;
    return chr($n) . $text if $n < 127;
    my $head = chr 127;
    for ($n -= 127; $n >= 128; $n >>= 7) {
        $head .= chr($n & 127 | 128);
    }
    return $head . chr($n) . $text;
}

# NAME => VALUE...: literals without indexing.
sub block {
    my (@fields) = @_;
    my $block = '';
    while (my ($name, $value) = splice @fields, 0, 2) {
        $block .= "\0" . _text($name) . _text($value);
    }
    return $block;
}

# In as many frames as it takes.
sub headers {
    my ($self, $stream, $fields, $end) = @_;
    my @parts = unpack '(a16384)*', block(@$fields);
    my $type  = HEADERS;
    my $flags = $end ? END_STREAM : 0;
    while (defined(my $part = shift @parts)) {
        $self->frame($type, $flags | (@parts ? 0 : END_HEADERS), $stream, $part) or return 0;
        ($type, $flags) = (CONTINUATION, 0);
    }
    return 1;
}

sub data {
    my ($self, $stream, $bytes, $end) = @_;
    return $self->frame(DATA, $end ? END_STREAM : 0, $stream, $bytes);
}

# The next frame that says something: {type, stream, flags, end, fields => {...} or payload}; undef at the end.
# SETTINGS and PING are answered; what was sent is opened again, unless {stalls}.
sub next {
    my ($self) = @_;
    while (defined(my $head = $self->_bytes(9))) {
        my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN', $head;
        my $payload = $self->_bytes($high << 16 | $low) // return;
        if ($type == SETTINGS) {
            $self->frame(SETTINGS, ACK, 0) if !($flags & ACK);
        } elsif ($type == PING && !($flags & ACK)) {
            $self->frame(PING, ACK, 0, $payload);
        } elsif ($type == HEADERS) {
            return $self->_headers($stream, $flags, $payload);
        } else {
            if ($type == DATA && length $payload && !$self->{stalls}) {
                $self->window(0,       length $payload);
                $self->window($stream, length $payload) if !($flags & END_STREAM);
            }
            return {type => $type, stream => $stream, flags => $flags, payload => $payload,
                end => $type == DATA && $flags & END_STREAM};
        }
    }
    return;
}

sub _headers {
    my ($self, $stream, $flags, $payload) = @_;
    my $end = $flags & END_STREAM;
    substr $payload, 0, 5, '' if $flags & PRIORITY;
    while (!($flags & END_HEADERS)) {
        my ($high, $low, $type, $more) = unpack 'CnCC', $self->_bytes(9) // return;
        croak "frame $type within a head" if $type != CONTINUATION;
        $payload .= $self->_bytes($high << 16 | $low) // return;
        $flags = $more;
    }
    return {type => HEADERS, stream => $stream, end => $end, fields => $self->_fields($payload)};
}

sub _number {
    my ($block, $mask) = @_;
    my $n = ord(substr $$block, 0, 1, '') & $mask;
    return $n if $n < $mask;
    for (my $shift = 0;; $shift += 7) {
        my $byte = ord substr $$block, 0, 1, '';
        $n += ($byte & 127) << $shift;
        return $n if $byte < 128;
    }
}

sub _string {
    my ($block) = @_;
    my $packed  = ord($$block) & 128;
    my $bytes   = substr $$block, 0, _number($block, 127), '';
    return $packed ? _unhuffman($bytes) : $bytes;
}

sub _entry {
    my ($self, $index) = @_;
    return $index <= @static ? $static[$index - 1] : $self->{table}[$index - @static - 1] // croak "no entry $index";
}

# Several fields of one name are joined by ", ".
sub _fields {
    my ($self, $block) = @_;
    my %fields;
    while (length $block) {
        my $byte = ord $block;
        my $field;
        if ($byte & 128) {
            $field = $self->_entry(_number(\$block, 127));
        } elsif (($byte & 224) == 32) {
            $self->{size} = _number(\$block, 31);
            $self->_evict;
            next;
        } else {
            my $kept  = $byte & 64;
            my $index = _number(\$block, $kept ? 63 : 15);
            my $name  = $index ? $self->_entry($index)->[0] : _string(\$block);
            $field = [$name, _string(\$block)];
            if ($kept) {
                unshift @{$self->{table}}, $field;
                $self->_evict;
            }
        }
        my ($name, $value) = ($field->[0], $field->[1] // '');
        $fields{$name} = defined $fields{$name} ? "$fields{$name}, $value" : $value;
    }
    return \%fields;
}

sub _evict {
    my ($self) = @_;
    my $size = 0;
    $size += 32 + length($_->[0]) + length($_->[1] // '') for @{$self->{table}};
    while ($size > $self->{size}) {
        my $old = pop @{$self->{table}};
        $size -= 32 + length($old->[0]) + length($old->[1] // '');
    }
    return;
}

1;
