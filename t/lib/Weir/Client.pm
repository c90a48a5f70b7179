package Weir::Client;

# Raw HTTP/1 connection for the tests: sends exactly the bytes it is given and
# reads back parsed messages. It does not repair anything: what is not valid
# framing is reported in {error}, so that a test sees what the proxy really
# sent. Every wait ends at a deadline. Weir::Upstream reads requests with it too.

use strict;
use warnings;
use Carp qw(croak);
use Errno qw(EAGAIN EINTR EWOULDBLOCK EINPROGRESS);
use Exporter qw(import);
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER TCP_NODELAY);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(request_bytes header headers);

# new(port => N [, host => ADDR] [, timeout => SECONDS]) connects and dies when
# it cannot; new(sock => HANDLE) takes over a connected socket.
sub new {
    my ($class, %o) = @_;
    my $timeout = $o{timeout} // $ENV{WEIR_TIMEOUT} // 30;
    my $sock    = $o{sock} // IO::Socket::INET->new(
        PeerAddr => $o{host} // '127.0.0.1',
        PeerPort => $o{port},
        Proto    => 'tcp',
        Timeout  => $timeout,
    ) or croak "connect to port $o{port}: $!";
    $sock->blocking(0);
    setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;
    binmode $sock;
    return bless {sock => $sock, timeout => $timeout, buf => '', eof => 0, raw => ''}, $class;
}

# request_bytes(METHOD, TARGET, [NAME => VALUE, ...], BODY): a request with Host
# and, when there is a body and the fields do not frame it, Content-Length.
sub request_bytes {
    my ($method, $target, $fields, $body) = @_;
    my @f     = @{$fields // []};
    my %given = map { lc $f[2 * $_] => 1 } 0 .. @f / 2 - 1;
    unshift @f, Host => 'a.test' if !$given{host};
    push @f, 'Content-Length' => length $body
        if defined $body && !$given{'content-length'} && !$given{'transfer-encoding'};
    my $head = "$method $target HTTP/1.1\r\n";
    while (my ($n, $v) = splice @f, 0, 2) {
        $head .= "$n: $v\r\n";
    }
    return "$head\r\n" . ($body // '');
}

# All values of a field, in order; header() is the first one or undef.
sub headers {
    my ($msg, $name) = @_;
    return map { $_->[1] } grep { lc $_->[0] eq lc $name } @{$msg->{headers} // []};
}

sub header {
    my ($v) = headers(@_);
    return $v;
}

# Waits until the socket can be read (or written): true, or false at the deadline.
sub _ready {
    my ($self, $write, $deadline) = @_;
    return 0 if !defined $self->{sock};
    while ((my $left = $deadline - time) > 0) {
        my $bits = '';
        vec($bits, fileno $self->{sock}, 1) = 1;
        my $n = $write ? select undef, $bits, undef, $left : select $bits, undef, undef, $left;
        return 1 if $n > 0;
        return 0 if $n < 0 && $! != EINTR;
    }
    return 0;
}

# send(BYTES [, piece => N] [, gap => SECONDS]): all at once, or in N-byte writes
# a gap apart (default 1 ms, so that the peer sees them one by one). Returns the
# number of bytes taken, less than all when the peer is gone or the time is up.
sub send {
    my ($self, $bytes, %o) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $deadline = time + ($o{timeout} // $self->{timeout});
    my ($done, $all) = (0, length $bytes);
    while ($done < $all && $self->_ready(1, $deadline)) {
        my $want = $all - $done;
        $want = $o{piece} if $o{piece} && $want > $o{piece};
        my $n = syswrite $self->{sock}, $bytes, $want, $done;
        if (!defined $n) {
            next if $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
            $self->{errno} = $!;
            last;
        }
        $done += $n;
        select undef, undef, undef, $o{gap} // 0.001 if $o{piece} && $done < $all;
    }
    return $done;
}

# Takes one more read into the buffer: true when bytes came; false at the end of
# the stream, on an error (kept in {errno}) or at the deadline.
sub _fill {
    my ($self, $deadline) = @_;
    return 0 if $self->{eof};
    while ($self->_ready(0, $deadline)) {
        my $n = sysread $self->{sock}, $self->{buf}, 65536, length $self->{buf};
        if (!defined $n) {
            next if $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
            ($self->{eof}, $self->{errno}) = (1, $!);
            return 0;
        }
        $self->{eof} = 1 if !$n;
        return $n;
    }
    return 0;
}

sub _take {
    my ($self, $n) = @_;
    my $bytes = substr $self->{buf}, 0, $n, '';
    $self->{raw} .= $bytes;
    return $bytes;
}

# Why _fill gave nothing, in one word: closed, reset or timeout.
sub _why {
    my ($self) = @_;
    return 'timeout' if !$self->{eof};
    return $self->{errno} ? 'reset' : 'closed';
}

# A line without its CRLF, or undef.
sub _line {
    my ($self, $deadline) = @_;
    my $at;
    while (($at = index $self->{buf}, "\r\n") < 0) {
        return if length $self->{buf} > 1 << 20 || !$self->_fill($deadline);
    }
    return substr $self->_take($at + 2), 0, -2;
}

# Field lines up to the empty one: array of [NAME, VALUE], or undef.
sub _fields {
    my ($self, $msg, $deadline) = @_;
    my @f;
    while (1) {
        my $line = $self->_line($deadline);
        if (!defined $line) {
            $msg->{error} = $self->_why;
            return;
        }
        return \@f if $line eq '';
        if ($line !~ /\A([!#\$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*\z/s) {
            $msg->{error} = "bad field line '$line'";
            return;
        }
        push @f, [$1, $2];
    }
}

# RFC 9112 7.1: chunks into {body}, then the trailer section into {trailers}.
sub _chunked {
    my ($self, $msg, $deadline) = @_;
    while (1) {
        my $line = $self->_line($deadline);
        return $msg->{error} = $self->_why if !defined $line;
        return $msg->{error} = "bad chunk size '$line'"
            if $line !~ /\A([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?\z/s;
        my $size = hex $1;
        push @{$msg->{chunks}}, $size;
        last if !$size;
        $self->_exactly($msg, $size, $deadline) or return;
        my $end = $self->_line($deadline);
        return $msg->{error} = $self->_why if !defined $end;
        return $msg->{error} = 'chunk longer than its size' if $end ne '';
    }
    my $f = $self->_fields($msg, $deadline) or return;
    $msg->{trailers} = $f;
    return;
}

# Appends N bytes to {body}: true, or false with what came and {error}.
sub _exactly {
    my ($self, $msg, $n, $deadline) = @_;
    while (length $self->{buf} < $n) {
        next if $self->_fill($deadline);
        $msg->{body} .= $self->_take(length $self->{buf});
        $msg->{error} = $self->_why;
        return 0;
    }
    $msg->{body} .= $self->_take($n);
    return 1;
}

# RFC 9112 6.3: which framing the fields ask for, then the body by it.
sub _body {
    my ($self, $msg, $until_close, $deadline) = @_;
    my @te = headers($msg, 'transfer-encoding');
    my @cl = headers($msg, 'content-length');
    if (@te && @cl) {
        $msg->{error} = 'both Content-Length and Transfer-Encoding';
    } elsif (@te) {
        return $self->_chunked($msg, $deadline) if "@te" =~ /\A(?:.*,\s*)?chunked\z/i;
        $msg->{error} = "transfer coding '@te'";
    } elsif (@cl) {
        return $self->_exactly($msg, $cl[0], $deadline) if @cl == 1 && $cl[0] =~ /\A\d{1,15}\z/;
        $msg->{error} = "bad Content-Length '@cl'";
    } elsif ($until_close) {
        1 while $self->_fill($deadline);
        $msg->{body} = $self->_take(length $self->{buf});
        $msg->{error} = $self->_why if $self->_why ne 'closed';
        $msg->{until_close} = 1;
    }
    return;
}

# One message by a start-line pattern; undef when the peer closed before it.
sub _message {
    my ($self, $deadline, $parse, $framing) = @_;
    my $msg = {headers => [], body => '', chunks => []};
    $self->{raw} = '';
    my $line = $self->_line($deadline);
    if (!defined $line) {
        return if $self->{buf} eq '' && $self->_why eq 'closed';
        $msg->{error} = $self->_why;
        $self->_take(length $self->{buf});
    } elsif (!$parse->($msg, $line)) {
        $msg->{error} = "bad start line '$line'";
    } elsif (my $f = $self->_fields($msg, $deadline)) {
        $msg->{headers} = $f;
        $framing->($msg);
    }
    $msg->{raw}      = $self->{raw};
    $msg->{complete} = defined $msg->{error} ? 0 : 1;
    return $msg;
}

# read_response([method => 'HEAD'] [, timeout => S]) gives {version, status,
# reason, headers, body, chunks, trailers, interim, until_close, raw, complete,
# error} or undef when the connection closed in between. 1xx responses other
# than 101 are collected in {interim}. {error}: timeout, closed, reset, or what is wrong.
sub read_response {
    my ($self, %o) = @_;
    my $deadline = time + ($o{timeout} // $self->{timeout});
    my $parse    = sub {
        my ($m, $line) = @_;
        return if $line !~ m{\A(HTTP/1\.[01]) (\d{3})(?: (.*))?\z}s;
        @$m{qw(version status reason)} = ($1, $2, $3 // '');
        return 1;
    };
    my $framing = sub {
        my ($m) = @_;
        return if $m->{status} < 200 || $m->{status} == 204 || $m->{status} == 304;
        return if uc($o{method} // '') eq 'HEAD';
        $self->_body($m, 1, $deadline);
    };
    my @interim;
    while (1) {
        my $m = $self->_message($deadline, $parse, $framing) or return;
        if ($m->{error} || $m->{status} >= 200 || $m->{status} == 101) {
            $m->{interim} = \@interim;
            return $m;
        }
        push @interim, $m;
    }
}

# read_responses(N): up to N of them, fewer when the connection ends or one is bad.
sub read_responses {
    my ($self, $n, %o) = @_;
    my @all;
    while (@all < $n) {
        my $m = $self->read_response(%o) or last;
        push @all, $m;
        last if !$m->{complete} || $m->{until_close};
    }
    return @all;
}

# read_request: the same for a server: {method, target, version, headers, body, ...}.
sub read_request {
    my ($self, %o) = @_;
    my $deadline = time + ($o{timeout} // $self->{timeout});
    my $parse    = sub {
        my ($m, $line) = @_;
        return if $line !~ m{\A(\S+) (\S+) (HTTP/1\.[01])\z}s;
        @$m{qw(method target version)} = ($1, $2, $3);
        return 1;
    };
    return $self->_message($deadline, $parse, sub { $self->_body($_[0], 0, $deadline) });
}

# Exactly N raw bytes, or fewer at the end or the deadline.
sub read_bytes {
    my ($self, $n, %o) = @_;
    my $deadline = time + ($o{timeout} // $self->{timeout});
    1 while length $self->{buf} < $n && $self->_fill($deadline);
    return $self->_take($n);
}

# Everything up to the end of the stream or the deadline ({eof} tells which).
sub read_all {
    my ($self, %o) = @_;
    my $deadline = time + ($o{timeout} // $self->{timeout});
    1 while $self->_fill($deadline);
    return $self->_take(length $self->{buf});
}

# What is there now, waiting for the first byte only; '' at the end or the deadline.
sub read_some {
    my ($self, %o) = @_;
    $self->_fill(time + ($o{timeout} // $self->{timeout})) if $self->{buf} eq '';
    return $self->_take(length $self->{buf});
}

# True when the peer closes (or resets) within the time without sending more.
sub is_closed {
    my ($self, %o) = @_;
    $self->_fill(time + ($o{timeout} // $self->{timeout})) if $self->{buf} eq '';
    return $self->{eof} && $self->{buf} eq '' ? 1 : 0;
}

# Half close: no more bytes from this side.
sub shut {
    my ($self) = @_;
    return shutdown $self->{sock}, 1;
}

sub close {
    my ($self) = @_;
    my $sock = delete $self->{sock} or return;
    $self->{eof} = 1;
    return CORE::close $sock;
}

# Close with RST: unsent and unread bytes are thrown away.
sub reset {
    my ($self) = @_;
    setsockopt $self->{sock}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    return $self->close;
}

# One request on a connection of its own: get(PORT, TARGET [, method, headers,
# body, host, timeout]) returns what read_response does.
sub get {
    my ($class, $port, $target, %o) = @_;
    my $c = $class->new(port => $port, timeout => $o{timeout});
    my $method = $o{method} // 'GET';
    $c->send(request_bytes($method, $target, [@{$o{headers} // []}, Connection => 'close'],
        $o{body}));
    my $m = $c->read_response(method => $method);
    $c->close;
    return $m;
}

1;
