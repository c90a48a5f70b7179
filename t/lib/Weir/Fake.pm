package Weir::Fake;

# A server of any protocol for the tests: a forked process that gives each connection to a
# sub ($socket, $index) in a process of its own. It can note how many connections the other
# side held at the same time. Ended by pid at END, or by stop.

use strict;
use warnings;
use Carp qw(croak);
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(MSG_DONTWAIT MSG_PEEK);
use parent 'Weir::Child';

use constant LIFETIME => 120;

# start(port => N | path => UNIX, serve => SUB [, file => PATH]): PATH gets a line a connection,
# the number of those that the other side had open then; it must be the first to close them.
sub start {
    my ($class, %o) = @_;
    my $listener = defined $o{path}
        ? IO::Socket::UNIX->new(Local => $o{path}, Listen => 64)
        : IO::Socket::INET->new(Proto => 'tcp', LocalAddr => '127.0.0.1', LocalPort => $o{port}, Listen => 64,
            ReuseAddr => 1);
    croak "fake server: $!" if !$listener;
    my $self = bless {file => $o{file}}, $class;
    return $self->fork_child('fake server', sub { _serve($listener, \%o) });
}

sub _serve {
    my ($listener, $o) = @_;
    my (%kids, %open, $stop);
    $SIG{INT} = 'IGNORE';
    $SIG{TERM} = sub { $stop = 1 };
    for (my $index = 0; !$stop && Weir::Child::test_lives();) {
        my $bits = '';
        vec($bits, fileno $listener, 1) = 1;
        my $ready = select($bits, undef, undef, 0.2) > 0;
        while ((my $done = waitpid -1, POSIX::WNOHANG()) > 0) {
            delete $kids{$done};
        }
        my $sock = $ready ? $listener->accept : undef or next;
        my $pid  = fork // last;
        if (!$pid) {
            $SIG{TERM} = 'DEFAULT';
            alarm LIFETIME;
            close $listener;
            eval { $o->{serve}->($sock, $index); 1 } or print {*STDERR} "fake server: $@";
            POSIX::_exit(0);
        }
        $kids{$pid} = 1;
        $index++;
        next if !defined $o->{file};
        $open{fileno $sock} = $sock;
        delete @open{grep { _is_closed($open{$_}) } keys %open};
        open my $out, '>>', $o->{file} or die "$o->{file}: $!\n";
        print {$out} scalar(keys %open), "\n";
    }
    kill KILL => keys %kids;
    return;
}

sub _is_closed {
    my ($sock) = @_;
    my $buf = '';
    return defined recv($sock, $buf, 1, MSG_PEEK | MSG_DONTWAIT) && $buf eq '';
}

# The lines of the file: for each connection how many were open.
sub opens {
    my ($self) = @_;
    open my $in, '<', $self->{file} or return;
    chomp(my @lines = <$in>);
    return @lines;
}

1;
