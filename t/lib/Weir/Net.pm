package Weir::Net;

# Machines of a test: network namespaces on a bridge, which is in a namespace too, so
# that nothing of the host's network is touched. Their names have the pid of the test;
# all that was started in them, and they themselves, end with it. Needs root and ip(8).
#
#   my $net = Weir::Net->new or skip(Weir::Net->why(), 1);
#   $net->machine($_ => "10.99.1.$n{$_}") for qw(client one two);
#   my $pid = $net->start(one => "$dir/log", 'keepalived', '--dont-fork');
#   $net->unplug('one');

use strict;
use warnings;
use POSIX ();
use Weir;

my $owner = $$;
my $why   = '';
my @all;

sub why { return $why }

# The bridge, in a namespace called "lan" with the address 10.99.1.1; undef when that cannot be.
sub new {
    my ($class) = @_;
    my $self = bless {pids => {}, names => {}}, $class;
    push @all, $self;
    if ($> != 0) {
        $why = 'network namespaces want root';
    } elsif (!grep { -x "$_/ip" } split /:/, $ENV{PATH} // '') {
        $why = 'no ip(8) here';
    } elsif (!$self->_namespace('lan')
        || !$self->ip(lan => qw(link add br0 type bridge))
        || !$self->ip(lan => qw(link add test type veth peer name test1))
        || !$self->ip(lan => qw(link del test))) {
        $why = 'no right to make network namespaces, bridges and veth pairs here';
    } else {
        $self->ip(lan => qw(link set br0 up));
        $self->ip(lan => qw(addr add 10.99.1.1/24 dev br0));
        return $self;
    }
    return;
}

sub _quiet { my (@argv) = @_; return 0 == system join(' ', map { "'$_'" } @argv) . ' >/dev/null 2>&1' }

sub _namespace {
    my ($self, $name) = @_;
    my $full = "weir-$$-" . @all . "-$name";
    _quiet(qw(ip netns add), $full) or return 0;
    $self->{names}{$name} = $full;
    return $self->ip($name => qw(link set lo up));
}

# ip(NAME => ARG...): ip(8) in a machine; true when it did it.
sub ip {
    my ($self, $name, @args) = @_;
    return _quiet(qw(ip -n), $self->{names}{$name}, @args);
}

# The argv that runs a program in a machine.
sub in { my ($self, $name) = @_; return ('ip', 'netns', 'exec', $self->{names}{$name}) }

sub run { my ($self, $name, @argv) = @_; return _quiet($self->in($name), @argv) }

# A machine with its address on e0.
sub machine {
    my ($self, $name, $address) = @_;
    $self->_namespace($name) or die "no namespace for $name\n";
    $self->ip(lan => qw(link add), "p-$name", qw(type veth peer name e0 netns), $self->{names}{$name})
        or die "no link for $name\n";
    $self->ip($name => qw(addr add), "$address/24", qw(dev e0));
    $self->ip($name => qw(link set e0 up));
    $self->ip(lan => qw(link set), "p-$name", qw(up));
    $self->plug($name);
    return;
}

# Out of the bridge: the machine still sees a live link, and nothing comes or goes.
sub unplug { my ($self, $name) = @_; return $self->ip(lan => qw(link set), "p-$name", 'nomaster') }
sub plug   { my ($self, $name) = @_; return $self->ip(lan => qw(link set), "p-$name", qw(master br0)) }

# The link down, as when the cable is pulled, and up.
sub link { my ($self, $name, $state) = @_; return $self->ip(lan => qw(link set), "p-$name", $state) }

# Has the machine this address?
sub has {
    my ($self, $name, $address) = @_;
    my $text = qx(ip -n $self->{names}{$name} -4 -o addr show dev e0 2>/dev/null);
    return index($text, " $address/") >= 0;
}

# start(NAME => FILE, ARG...): a program in a machine, in a session of its own, its output
# appended to FILE; its pid.
sub start {
    my ($self, $name, $file, @argv) = @_;
    my @in  = $self->in($name);
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        POSIX::setsid();
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE CHLD ALRM);
        open STDIN,  '<',  '/dev/null' or POSIX::_exit(127);
        open STDOUT, '>>', $file       or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT    or POSIX::_exit(127);
        exec {$in[0]} @in, @argv or POSIX::_exit(127);
    }
    $self->{pids}{$pid} = 1;
    return $pid;
}

# Ends it with a signal (TERM), and what is left of its session with KILL.
sub end {
    my ($self, $pid, $signal) = @_;
    delete $self->{pids}{$pid} or return;
    my @session = Weir::_session($pid);
    kill $signal // 'TERM', $pid;
    kill KILL => @session if ($signal // '') eq 'KILL';
    Weir::wait_for(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }) or do {
        kill KILL => $pid;
        waitpid $pid, 0;
    };
    kill KILL => Weir::_session($pid);
    return;
}

sub close {
    my ($self) = @_;
    $self->end($_, 'KILL') for keys %{$self->{pids}};
    _quiet(qw(ip netns del), $_) for values %{$self->{names}};
    $self->{names} = {};
    return;
}

END {
    if ($$ == $owner) {
        my $code = $?;
        $_->close for @all;
        $? = $code;
    }
}

1;
