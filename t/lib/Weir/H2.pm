package Weir::H2;

# An HTTP/2 client for the tests: sends the frames that it is told to, well or ill
# formed, and reads what comes until a deadline. It gives windows only when it is
# told to (or always, with windows => 1), and answers nothing by itself but SETTINGS.
#
#   my $c  = Weir::H2->new(port => $w->port('http'));
#   my $id = $c->request(GET => '/', [accept => '*/*']);
#   my $r  = $c->response($id);    # {status, headers => [[N, V]...], body, end, reset}
#   $c->rst($id, 8);  $c->frame(PING => 0, 0, 'x' x 8);  my $code = $c->goaway;

use strict;
use warnings;
use Carp qw(croak);
use Errno qw(EAGAIN EINTR);
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);
use Weir::Hpack;

use constant PREFACE => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

my %type = (
    DATA => 0, HEADERS => 1, PRIORITY => 2, RST_STREAM => 3, SETTINGS => 4, PUSH_PROMISE => 5, PING => 6, GOAWAY => 7,
    WINDOW_UPDATE => 8, CONTINUATION => 9, PRIORITY_UPDATE => 16,
);
my %name = reverse %type;

# Flags and errors, as numbers.
use constant {END_STREAM => 1, ACK => 1, END_HEADERS => 4, PADDED => 8};
use constant {
    NO_ERROR => 0, PROTOCOL_ERROR => 1, INTERNAL_ERROR => 2, FLOW_CONTROL_ERROR => 3, STREAM_CLOSED => 5,
    FRAME_SIZE_ERROR => 6, REFUSED_STREAM => 7, CANCEL => 8, COMPRESSION_ERROR => 9, CONNECT_ERROR => 10,
    ENHANCE_YOUR_CALM => 11,
};

# new(port => N [, sock => HANDLE] [, settings => [ID => VALUE...]] [, windows => 1] [, bare => 1]):
# connects and says the preface; bare: nothing is said.
sub new {
    my ($class, %o) = @_;
    my $timeout = $o{timeout} // $ENV{WEIR_TIMEOUT} // 10;
    my $sock = $o{sock} // IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $o{port}, Proto => 'tcp', Timeout => $timeout)
        or croak "connect to port $o{port}: $!";
    $sock->blocking(0);
    setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;
    my $self = bless {
        sock => $sock, timeout => $timeout, in => '', next => 1, streams => {}, hpack => Weir::Hpack->new,
        windows => $o{windows}, frames => [], settings => {}, authority => 'a.test',
    }, $class;
    if (!$o{bare}) {
        $self->send_bytes(PREFACE);
        $self->settings(@{$o{settings} // []});
        $self->frame(WINDOW_UPDATE => 0, 0, pack 'N', 2**30) if $o{windows};
    }
    return $self;
}

# Sends bytes as they are: true, or false when the peer is gone or takes no more.
sub send_bytes {
    my ($self, $bytes) = @_;
    my $deadline = time + $self->{timeout};
    local $SIG{PIPE} = 'IGNORE';
    while (length $bytes) {
        my $n = syswrite $self->{sock}, $bytes;
        if ($n) {
            substr $bytes, 0, $n, '';
            next;
        }
        return 0 if $! != EAGAIN && $! != EINTR;
        # Who only sends would block for ever with a peer that only sends.
        $self->_fill(0.05);
        return 0 if time > $deadline;
    }
    return 1;
}

# The bytes of a frame; `type` a name or a number.
sub frame_bytes {
    my ($type, $flags, $stream, $payload) = @_;
    $type = $type{$type} // croak "no frame type $type" if $type !~ /^\d+$/;
    return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $stream) . $payload;
}

sub frame { my ($self, @frame) = @_; return $self->send_bytes(frame_bytes(@frame)) }

sub settings {
    my ($self, @pairs) = @_;
    my $payload = '';
    while (my ($id, $value) = splice @pairs, 0, 2) {
        $payload .= pack 'nN', $id, $value;
    }
    return $self->frame(SETTINGS => 0, 0, $payload);
}

sub rst { my ($self, $id, $error) = @_; return $self->frame(RST_STREAM => 0, $id, pack 'N', $error) }
sub window { my ($self, $id, $n) = @_; return $self->frame(WINDOW_UPDATE => 0, $id, pack 'N', $n) }
sub data { my ($self, $id, $bytes, $end) = @_; return $self->frame(DATA => $end ? END_STREAM : 0, $id, $bytes) }

# headers(ID, [NAME => VALUE...], END): a block as it is told.
sub headers {
    my ($self, $id, $fields, $end) = @_;
    my ($first, @rest) = unpack '(a16384)*', Weir::Hpack::encode(@$fields);
    my $bytes = frame_bytes(HEADERS => (@rest ? 0 : END_HEADERS) | ($end ? END_STREAM : 0), $id, $first);
    $bytes .= frame_bytes(CONTINUATION => $_ == $#rest ? END_HEADERS : 0, $id, $rest[$_]) for 0 .. $#rest;
    return $self->send_bytes($bytes);
}

# The pseudo-fields of a request, and others.
sub fields {
    my ($self, $method, $path, $more) = @_;
    return [':method' => $method, ':scheme' => 'http', ':authority' => $self->{authority}, ':path' => $path,
        @{$more // []}];
}

# request(METHOD, PATH, [NAME => VALUE...] [, BODY]): the stream; with an undefined BODY it ends at once, with
# BODY => \1 it stays open.
sub request {
    my ($self, $method, $path, $more, $body) = @_;
    my $id = $self->{next};
    $self->{next} += 2;
    $self->headers($id, $self->fields($method, $path, $more), !defined $body);
    $self->data($id, $body, 1) if defined $body && !ref $body;
    return $id;
}

# ---- reading

# Reads once, waiting so long at most: true when something came.
sub _fill {
    my ($self, $wait) = @_;
    my $bits = '';
    return 0 if $self->{eof};
    vec($bits, fileno $self->{sock}, 1) = 1;
    return 0 if select($bits, undef, undef, $wait) < 1;
    my $n = sysread $self->{sock}, $self->{in}, 65536, length $self->{in};
    $self->{eof} = defined $n ? 'end' : "$!" if !$n && (defined $n || ($! != EAGAIN && $! != EINTR));
    return $n ? 1 : 0;
}

# The next frame: {type, flags, stream, payload}; undef: none came in time, or the peer ended.
sub read_frame {
    my ($self, $timeout) = @_;
    my $deadline = time + ($timeout // $self->{timeout});
    while (1) {
        if (length $self->{in} >= 9) {
            my ($len, $type, $flags, $stream) = unpack 'NCCN', "\0" . substr $self->{in}, 0, 9;
            if (length $self->{in} >= 9 + $len) {
                my $payload = substr $self->{in}, 9, $len;
                substr $self->{in}, 0, 9 + $len, '';
                my $f = {type => $name{$type} // $type, flags => $flags, stream => $stream, payload => $payload};
                $self->_note($f);
                return $f;
            }
        }
        my $left = $deadline - time;
        return if $left <= 0 || ($self->{eof} && length $self->{in} < 9);
        $self->_fill($left);
        return if $self->{eof} && !length $self->{in};
    }
}

sub _stream { my ($self, $id) = @_; return $self->{streams}{$id} //= {headers => [], body => '', interim => []} }

sub _block {
    my ($self, $f) = @_;
    my $s      = $self->_stream($f->{stream});
    my @fields = $self->{hpack}->decode($self->{block} . $f->{payload});
    my ($status) = map { $_->[1] } grep { $_->[0] eq ':status' } @fields;
    $self->{block} = '';
    if ($status && $status < 200) {
        push @{$s->{interim}}, {status => $status, headers => \@fields};
    } elsif ($status) {
        @$s{qw(status headers)} = ($status, \@fields);
    } else {
        $s->{trailers} = \@fields;
    }
    return;
}

# What a frame says is kept by stream; windows are given back where that was asked for.
sub _note {
    my ($self, $f) = @_;
    my ($type, $id) = @$f{qw(type stream)};
    push @{$self->{frames}}, $type;
    if ($type eq 'HEADERS' || $type eq 'CONTINUATION') {
        $self->{block} //= '';
        $self->{ends} = $f->{flags} & END_STREAM if $type eq 'HEADERS';
        if ($f->{flags} & END_HEADERS) {
            $self->_block($f);
            $self->_stream($id)->{end} = 1 if $self->{ends};
        } else {
            $self->{block} .= $f->{payload};
        }
    } elsif ($type eq 'DATA') {
        my $s = $self->_stream($id);
        $s->{body} .= $f->{payload};
        $s->{end} = 1 if $f->{flags} & END_STREAM;
        if ($self->{windows} && length $f->{payload}) {
            $self->window(0, length $f->{payload});
            $self->window($id, length $f->{payload}) if !$s->{end};
        }
    } elsif ($type eq 'RST_STREAM') {
        $self->_stream($id)->{reset} = unpack 'N', $f->{payload};
    } elsif ($type eq 'WINDOW_UPDATE') {
        $self->{opened}{$id} += unpack 'N', $f->{payload};
    } elsif ($type eq 'GOAWAY') {
        my ($last, $error) = unpack 'NN', $f->{payload};
        push @{$self->{goaways}}, {last => $last, error => $error};
    } elsif ($type eq 'SETTINGS' && !($f->{flags} & ACK)) {
        my %s = unpack '(nN)*', $f->{payload};
        @{$self->{settings}}{keys %s} = values %s;
        $self->frame(SETTINGS => ACK, 0, '');
    }
    return;
}

# Reads until CODE is true: true, or false when that does not come.
sub until {
    my ($self, $code, $timeout) = @_;
    my $deadline = time + ($timeout // $self->{timeout});
    while (!$code->()) {
        return 0 if time > $deadline || !$self->read_frame($deadline - time);
    }
    return 1;
}

# What came on a stream, once it has ended or was reset; undef: neither came.
sub response {
    my ($self, $id, $timeout) = @_;
    my $s = $self->_stream($id);
    return $self->until(sub { $s->{end} || defined $s->{reset} }, $timeout) ? $s : undef;
}

# The same when only the head is wanted.
sub head {
    my ($self, $id, $timeout) = @_;
    my $s = $self->_stream($id);
    return $self->until(sub { $s->{status} || defined $s->{reset} }, $timeout) ? $s : undef;
}

# The error of the first GOAWAY that comes; undef: none does.
sub goaway {
    my ($self, $timeout) = @_;
    $self->until(sub { $self->{goaways} }, $timeout);
    return $self->{goaways} ? $self->{goaways}[0]{error} : undef;
}

# Whether the peer ends the connection.
sub is_closed {
    my ($self, $timeout) = @_;
    my $deadline = time + ($timeout // $self->{timeout});
    while (!$self->{eof} && time < $deadline) {
        $self->read_frame($deadline - time);
    }
    return $self->{eof};
}

sub header {
    my ($r, $field) = @_;
    my ($found) = grep { $_->[0] eq lc $field } @{$r->{headers}};
    return $found ? $found->[1] : undef;
}

sub close { my ($self) = @_; close $self->{sock}; $self->{eof} = 'closed'; return }

1;
