package Weir::Load;

# Steady traffic from one client process while a test does something to weir: every
# answer must be complete and have the expected status, every connection must be
# taken, and nothing but the server's announced end of a connection may end one.
#
#   my $l = Weir::Load->start(port => $port, mode => 'keepalive', file => "$dir/load");
#   ... reload ...
#   my $r = $l->stop;     # {requests, failures => [TEXT...]}
#
# Modes: keepalive (requests one after the other on a connection), close (one
# request for each connection, which the client asks to be closed), pipeline (four
# requests at once on a connection). {path} is /, {host} 127.0.0.1.

use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time);
use Weir::Client qw(request_bytes header);

my $PER_CONNECTION = 50;

sub start {
    my ($class, %o) = @_;
    pipe my $in, my $out or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        close $in;
        _run($out, %o);
        POSIX::_exit(0);
    }
    close $out;
    my $self = bless {pid => $pid, in => $in}, $class;
    $self->_line;    # the first answer has come: the traffic runs
    return $self;
}

sub _line {
    my ($self) = @_;
    my $line = readline $self->{in};
    return $line;
}

sub stop {
    my ($self) = @_;
    kill TERM => $self->{pid};
    my %r = (requests => 0, failures => []);
    while (defined(my $line = $self->_line)) {
        chomp $line;
        if   ($line =~ /\Arequests (\d+)\z/) { $r{requests} = $1 }
        else                                 { push @{$r{failures}}, $line }
    }
    waitpid $self->{pid}, 0;
    return \%r;
}

sub _run {
    my ($out, %o) = @_;
    my $stop = 0;
    my ($count, @failed) = (0);
    local $SIG{TERM} = sub { $stop = 1 };
    $out->autoflush(1);
    my $parent = getppid;
    # Not longer than the test, even if that dies.
    while (!$stop && @failed < 20 && getppid == $parent) {
        my $why = _connection(\%o, \$count, \$stop);
        push @failed, $why if defined $why;
        if ($count && !$o{told}++) { print {$out} "running\n" }
    }
    print {$out} "running\n" if !$o{told};
    print {$out} "$_\n" for @failed;
    print {$out} "requests $count\n";
    return;
}

# The life of one connection; undef, or what went wrong.
sub _connection {
    my ($o, $count, $stop) = @_;
    my $client = eval { Weir::Client->new(port => $o->{port}, timeout => 10) };
    return "connect: $@" =~ s/\s+/ /gr if !$client;
    my $batch = $o->{mode} eq 'pipeline' ? 4 : 1;
    my @fields = $o->{mode} eq 'close' ? (Connection => 'close') : ();
    my $why;
    for my $i (1 .. $PER_CONNECTION) {
        last if $$stop;
        my $ended;
        $client->send(request_bytes(GET => $o->{path} // '/', \@fields) x $batch);
        for my $k (1 .. $batch) {
            my $r = $client->read_response;
            my $said = defined $r->{status} ? (header($r, 'connection') // '') : '';
            # What was sent behind an answer with "close" is not answered (RFC 9112 9.6).
            last if $ended;
            if ($r->{error} || ($r->{status} // 0) != 200) {
                $why = sprintf 'request %d of %s: %s, status %s', $i, $o->{mode},
                    $r->{error} // 'no error', $r->{status} // 'none';
                last;
            }
            $$count++;
            $ended = 1 if $said =~ /\bclose\b/i;
            last if $ended;
        }
        last if $ended || defined $why;
    }
    $client->close;
    return $why;
}

1;
