package Weir::Tls;

# TLS for the tests by the openssl command alone: certificates, clients whose
# bytes go through `openssl s_client` (a Weir::Client on the clear side of it),
# and relays that stand between a client and the proxy and see, cut or delay
# records. All processes are ended by pid at END.

use strict;
use warnings;
use Carp qw(croak);
use IO::Socket::INET;
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Time::HiRes qw(time);
use Weir::Client;

my %running;
my $owner = $$;

# certificate(DIR, NAME [, hosts => [...]] [, rsa => BITS] [, days => N]): writes DIR/NAME.pem and
# DIR/NAME.key, signed by itself, P-256 unless RSA is wanted.
sub certificate {
    my ($class, $dir, $name, %o) = @_;
    my @hosts = @{$o{hosts} // ['localhost']};
    my @key   = $o{rsa} ? ('-newkey', "rsa:$o{rsa}") : qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256);
    my $log   = "$dir/$name.log";
    my @argv  = (
        qw(openssl req -x509 -nodes), @key, '-days', $o{days} // 30,
        '-subj', "/CN=$hosts[0]", '-addext', 'subjectAltName=' . join(',', map { "DNS:$_" } @hosts),
        '-keyout', "$dir/$name.key", '-out', "$dir/$name.pem"
    );
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        open STDERR, '>', $log or POSIX::_exit(1);
        exec @argv or POSIX::_exit(1);
    }
    waitpid $pid, 0;
    croak "openssl req failed, see $log" if $?;
    return;
}

# client(port => N, dir => DIR [, host => NAME] [, args => [...]] [, timeout => S]): a Weir::Client
# that speaks through s_client; what s_client says of the session goes to the file {report}.
# {pid} is its process: stopping that is a client that reads nothing, killing it one that is gone.
sub client {
    my ($class, %o) = @_;
    my $name = $o{host} // 'localhost';
    socketpair my $mine, my $its, AF_UNIX, SOCK_STREAM, PF_UNSPEC or croak "socketpair: $!";
    my $report = "$o{dir}/s_client-" . ++$class->_counter;
    my $pid    = fork // croak "fork: $!";
    if (!$pid) {
        close $mine;
        open STDIN,  '<&', $its    or POSIX::_exit(1);
        open STDOUT, '>&', $its    or POSIX::_exit(1);
        open STDERR, '>',  $report or POSIX::_exit(1);
        close $its;
        exec qw(openssl s_client -quiet -connect), "127.0.0.1:$o{port}", '-servername', $name, @{$o{args} // []}
            or POSIX::_exit(1);
    }
    close $its;
    $running{$pid} = 1;
    my $self = Weir::Client->new(sock => bless($mine, 'IO::Socket'), timeout => $o{timeout});
    @$self{qw(pid report)} = ($pid, $report);
    return $self;
}

{
    my $count = 0;
    sub _counter : lvalue { return $count }
}

# get(PORT, TARGET, dir => DIR, ...): one request on a connection of its own.
sub get {
    my ($class, $port, $target, %o) = @_;
    my $c = $class->client(port => $port, %o);
    $c->send(Weir::Client::request_bytes($o{method} // 'GET', $target, [@{$o{headers} // []}, Connection => 'close'], $o{body}));
    my $r = $c->read_response(method => $o{method} // 'GET');
    $class->end($c);
    return $r;
}

# What s_client has said, once it is over.
sub report {
    my ($class, $c) = @_;
    open my $fh, '<', $c->{report} or return '';
    local $/ = undef;
    return scalar <$fh>;
}

# Ends a client without a word to the other side; its exit status when it was over already.
sub end {
    my ($class, $c) = @_;
    my $pid = delete $c->{pid} or return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    delete $running{$pid};
    $c->close;
    return $? >> 8;
}

# Waits for the s_client to end of itself: its exit status, or undef when it does not.
sub wait_end {
    my ($class, $c, $timeout) = @_;
    my $until = time + ($timeout // 10);
    while (time < $until) {
        if (waitpid($c->{pid}, POSIX::WNOHANG()) == $c->{pid}) {
            delete $running{delete $c->{pid}};
            return $? >> 8;
        }
        select undef, undef, undef, 0.01;
    }
    return;
}

# relay(to => PORT [, first => BYTES] [, piece => N] [, cut => N]): listens, and for one connection passes bytes on:
# `first` goes in front of the client's, which go in pieces of N bytes a millisecond apart; after `cut` bytes of the
# client's both connections end with a FIN. {port} is where it listens.
sub relay {
    my ($class, %o) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5, Proto => 'tcp') or croak "listen: $!";
    my $self = bless {port => $listen->sockport}, $class;
    my $pid  = fork // croak "fork: $!";
    if (!$pid) {
        _relay($listen, %o);
        POSIX::_exit(0);
    }
    $running{$self->{pid} = $pid} = 1;
    return $self;
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    delete $running{$pid};
    return;
}

sub _relay {
    my ($listen, %o) = @_;
    local $SIG{ALRM} = 'DEFAULT';
    local $SIG{PIPE} = 'IGNORE';
    alarm 120;
    my $client = $listen->accept or return;
    my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $o{to}, Proto => 'tcp') or return;
    my ($seen, %open) = (0, map { fileno $_ => $_ } $client, $server);
    $server->syswrite($o{first}) if defined $o{first};
    while (%open) {
        my $bits = '';
        vec($bits, $_, 1) = 1 for keys %open;
        select my $ready = $bits, undef, undef, undef;
        for my $from (grep { vec $ready, fileno $_, 1 } values %open) {
            my $to = $from == $client ? $server : $client;
            my $n  = $from->sysread(my $bytes, 65536);
            if (!$n) {
                delete $open{fileno $from};
                shutdown $to, 1;
                next;
            }
            $seen += $n if $from == $client;
            return      if defined $o{cut} && $seen >= $o{cut};
            my $piece = $from == $client && $o{piece} ? $o{piece} : $n;
            for (my $at = 0; $at < $n; $at += $piece) {
                $to->syswrite(substr $bytes, $at, $piece);
                select undef, undef, undef, 0.001 if $piece < $n;
            }
        }
    }
    return;
}

END {
    if ($$ == $owner) {
        local $? = $?;
        for my $pid (keys %running) {
            kill 'KILL', $pid;
            waitpid $pid, 0;
        }
    }
}

1;
