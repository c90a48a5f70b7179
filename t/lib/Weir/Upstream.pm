package Weir::Upstream;

# Scripted HTTP/1 servers for the tests: a forked Perl process listens on a
# port, forks one child for each connection, and answers by script, well or
# badly. What it saw is appended, one JSON object a line, to a file the test
# reads with seen(); a record is written before the answer is, so a test that
# holds the answer can rely on it. All forks are ended by pid at END.

use strict;
use warnings;
use Carp qw(croak);
use Digest::SHA qw(sha1_base64);
use Fcntl qw(O_APPEND O_CREAT O_WRONLY);
use File::Temp ();
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(time);
use Weir::Client qw(header);

my %running;    # pid => Weir::Upstream, of this process only
my $owner = $$;
my $json  = JSON::PP->new->ascii->canonical;

# No child may outlive a test that was killed without its END.
use constant LIFETIME => 120;

my %behaviour = (
    fixed     => \&_fixed,
    echo      => \&_echo,
    hang      => \&_hang,
    reset     => \&_reset,
    dribble   => \&_dribble,
    partial   => \&_partial,
    garbage   => \&_garbage,
    websocket => \&_websocket,
);

# start(port => N, script => S [, file => PATH] [, brief => 1] [, address => IP]) listens and
# returns; port 0 or none takes a free one; records that are brief leave bodies out. A script is
#   a behaviour   for every request,
#   [A, B, ...]   by connection, the last one for all further ones,
#   {PATH => A, '*' => B}   by path (without the query).
# A behaviour is a name, {do => NAME, ...} or a sub ($conn, $request, $index) that
# returns true to keep the connection. Names and their keys:
#   fixed      status, headers => [N => V...], body, or bytes as they are; close
#   echo       200, text/plain: the request as it came
#   hang       no answer, until the other side closes
#   reset      RST after the request; at => 'accept' before it; after => BYTES sent first
#   refuse     whole upstream only: the port is taken but refuses connections
#   dribble    fixed's answer, piece (1) bytes every gap (0.01) seconds
#   partial    fixed's first cut (half) bytes, then close
#   garbage    bytes that are no HTTP, then close
#   websocket  101 (RFC 6455 4.2.2), then every byte back
sub start {
    my ($class, %o) = @_;
    my $script = $o{script} // 'echo';
    _check($script);
    my $self = bless {script => $script, brief => $o{brief}}, $class;
    my $sock = _socket($o{port} // 0, $o{address} // '127.0.0.1');
    $self->{port} = $sock->sockport;
    if (defined $o{file}) {
        $self->{file} = $o{file};
    } else {
        $self->{temp} = File::Temp->new(TEMPLATE => 'weir-upstream-XXXXXX', TMPDIR => 1);
        $self->{file} = $self->{temp}->filename;
    }
    if (_name($script) eq 'refuse') {
        $self->{sock} = $sock;
        return $self;
    }
    listen $sock, 128 or croak "listen on $self->{port}: $!";
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        %running = ();
        eval { $self->_serve($sock); 1 } or print {*STDERR} "upstream: $@";
        POSIX::_exit(0);
    }
    $self->{pid} = $pid;
    $running{$pid} = $self;
    return $self;
}

# Bound here and not in the fork, so that the port answers when start returns.
sub _socket {
    my ($port, $address) = @_;
    my $sock = IO::Socket::INET->new(
        Proto     => 'tcp',
        LocalAddr => $address,
        LocalPort => $port,
        ReuseAddr => 1,
    ) or croak "bind to port $port: $!";
    return $sock;
}

sub _name {
    my ($b) = @_;
    return ref $b eq 'HASH' ? $b->{do} // '' : ref $b ? '' : $b;
}

sub _check {
    my ($s) = @_;
    my @all = ref $s eq 'ARRAY' ? @$s : ref $s eq 'HASH' && !exists $s->{do} ? values %$s : ();
    croak 'empty upstream script' if ref $s && !@all && ref $s ne 'CODE' && !_name($s);
    for my $b (@all ? @all : $s) {
        next if ref $b eq 'CODE' || $behaviour{_name($b)};
        croak "unknown upstream behaviour '" . _name($b) . "'" if @all || _name($b) ne 'refuse';
    }
    return;
}

sub port { return $_[0]{port} }
sub pid  { return $_[0]{pid} }

# Records so far: requests as read_request gives them with {conn} (0, 1, ...) and
# {n} (number on that connection); seen(all => 1) has {event} open and close too.
sub seen {
    my ($self, %o) = @_;
    open my $fh, '<', $self->{file} or return;
    my @all;
    while (my $line = <$fh>) {
        last if $line !~ /\n\z/;
        my $r = $json->decode($line);
        push @all, $r if $o{all} || $r->{event} eq 'request';
    }
    return @all;
}

# Waits until at least N requests (or N of event => NAME) are there; returns them.
sub wait_seen {
    my ($self, $n, %o) = @_;
    my $event    = $o{event} // 'request';
    my $deadline = time + ($o{timeout} // $ENV{WEIR_TIMEOUT} // 30);
    while (1) {
        my @r = grep { $_->{event} eq $event } $self->seen(all => 1);
        return @r if @r >= $n || time > $deadline;
        select undef, undef, undef, 0.01;
    }
}

# Ends the server and its connections; the port refuses afterwards.
sub stop {
    my ($self) = @_;
    CORE::close(delete $self->{sock}) if $self->{sock};
    my $pid = delete $self->{pid} or return;
    delete $running{$pid};
    kill TERM => $pid;
    my $deadline = time + 5;
    while (waitpid($pid, POSIX::WNOHANG()) == 0) {
        kill KILL => $pid if time > $deadline;
        select undef, undef, undef, 0.005;
    }
    return;
}

END {
    if ($$ == $owner) {
        local $?;
        $_->stop for values %running;
    }
}

# ---- in the fork

# Ends when it is told to, or when the test is gone.
sub _serve {
    my ($self, $listener) = @_;
    my %kids;
    my $stop = 0;
    $SIG{CHLD} = 'DEFAULT';
    $SIG{PIPE} = $SIG{INT} = 'IGNORE';
    $SIG{TERM} = sub { $stop = 1 };
    for (my $index = 0; !$stop && getppid == $owner;) {
        while ((my $done = waitpid -1, POSIX::WNOHANG()) > 0) {
            delete $kids{$done};
        }
        my $bits = '';
        vec($bits, fileno $listener, 1) = 1;
        next if select($bits, undef, undef, 0.2) <= 0;
        my $sock = $listener->accept or next;
        my $pid  = fork // last;
        if (!$pid) {
            $SIG{TERM} = 'DEFAULT';
            alarm LIFETIME;
            CORE::close $listener;
            eval { $self->_connection($sock, $index); 1 } or print {*STDERR} "upstream: $@";
            POSIX::_exit(0);
        }
        $kids{$pid} = 1;
        CORE::close $sock;
        $index++;
    }
    kill KILL => keys %kids;
    return;
}

# One append is one write: records of several connections cannot mix.
sub _record {
    my ($self, $r) = @_;
    sysopen my $fh, $self->{file}, O_WRONLY | O_APPEND | O_CREAT or die "$self->{file}: $!\n";
    syswrite $fh, $json->encode({time => time, %$r}) . "\n";
    return;
}

sub _choose {
    my ($self, $index, $target) = @_;
    my $s = $self->{script};
    if (ref $s eq 'ARRAY') {
        $s = $s->[$index < @$s ? $index : -1];
    } elsif (ref $s eq 'HASH' && !exists $s->{do}) {
        my $path = defined $target ? $target =~ s/\?.*//sr : '*';
        $s = $s->{$path} // $s->{'*'} // {do => 'fixed', status => 404, body => ''};
    }
    return ref $s eq 'CODE' ? {sub => $s} : ref $s ? $s : {do => $s};
}

sub _connection {
    my ($self, $sock, $index) = @_;
    my $conn = Weir::Client->new(sock => $sock, timeout => LIFETIME);
    $self->_record({event => 'open', conn => $index});
    my $first = $self->_choose($index);
    if (($first->{at} // '') eq 'accept') {
        $conn->reset;
    }
    for (my $n = 0; $conn->{sock}; $n++) {
        my $req = $conn->read_request or last;
        my %brief = $self->{brief} ? (body => undef, raw => undef) : ();
        $self->_record({%$req, %brief, event => 'request', conn => $index, n => $n});
        last if !$req->{complete};
        my $b    = $self->_choose($index, $req->{target});
        my $run  = $b->{sub} // $behaviour{$b->{do}};
        my $keep = $b->{sub} ? $run->($conn, $req, $index) : $run->($conn, $b, $req);
        last if !$keep || lc(header($req, 'connection') // '') eq 'close';
    }
    $conn->close;
    $self->_record({event => 'close', conn => $index});
    return;
}

# The answer of a behaviour as bytes; Content-Length is added unless it is framed.
sub _answer {
    my ($b, $req) = @_;
    return $b->{bytes} if defined $b->{bytes};
    my $status = $b->{status} // 200;
    my $body   = $b->{body} // "ok\n";
    my @f      = @{$b->{headers} // []};
    my %given  = map { lc $f[2 * $_] => 1 } 0 .. @f / 2 - 1;
    push @f, 'Content-Length' => length $body
        if !$given{'content-length'} && !$given{'transfer-encoding'} && !$b->{until_close};
    push @f, Connection => 'close' if $b->{close} && !$given{connection};
    my $out = "HTTP/1.1 $status " . ($b->{reason} // 'Scripted') . "\r\n";
    while (my ($n, $v) = splice @f, 0, 2) {
        $out .= "$n: $v\r\n";
    }
    return "$out\r\n" . ($req->{method} eq 'HEAD' ? '' : $body);
}

sub _fixed {
    my ($conn, $b, $req) = @_;
    $conn->send(_answer($b, $req));
    return !$b->{close} && !$b->{until_close};
}

sub _echo {
    my ($conn, $b, $req) = @_;
    $conn->send(_answer({headers => ['Content-Type' => 'text/plain'], body => $req->{raw}}, $req));
    return 1;
}

sub _hang {
    my ($conn) = @_;
    $conn->read_all;
    return 0;
}

sub _reset {
    my ($conn, $b) = @_;
    $conn->send($b->{after}) if defined $b->{after};
    $conn->reset;
    return 0;
}

sub _dribble {
    my ($conn, $b, $req) = @_;
    $conn->send(_answer($b, $req), piece => $b->{piece} // 1, gap => $b->{gap} // 0.01);
    return !$b->{close};
}

sub _partial {
    my ($conn, $b, $req) = @_;
    my $all = _answer($b, $req);
    $conn->send(substr $all, 0, $b->{cut} // length($all) / 2);
    return 0;
}

sub _garbage {
    my ($conn, $b) = @_;
    $conn->send($b->{bytes} // "\x00\x01\xff no HTTP \xfe\r\n\r\n\x80\x81");
    return 0;
}

sub _websocket {
    my ($conn, $b, $req) = @_;
    my $key = header($req, 'sec-websocket-key');
    if (lc(header($req, 'upgrade') // '') ne 'websocket' || !defined $key) {
        return _fixed($conn, {status => 400, body => "no upgrade\n"}, $req);
    }
    my $accept = sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
    $conn->send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            . "Connection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n");
    while ((my $bytes = $conn->read_some) ne '') {
        $conn->send($bytes);
    }
    return 0;
}

1;
