package Weir::Child;

# A helper of the tests in a forked process: its loop ends when the test does, and it is ended by
# pid at END, or by stop.

use strict;
use warnings;
use Carp qw(croak);
use POSIX ();

my %running;
my $owner = $$;

# Runs SUB in a child, whose pid the object keeps; NAME is for what it dies of.
sub fork_child {
    my ($self, $name, $serve) = @_;
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        %running = ();
        $SIG{TERM} = $SIG{CHLD} = 'DEFAULT';
        $SIG{PIPE} = 'IGNORE';
        eval { $serve->(); 1 } or print {*STDERR} "$name: $@";
        POSIX::_exit(0);
    }
    $self->{pid} = $pid;
    $running{$pid} = $self;
    return $self;
}

# In the child: the test is there still.
sub test_lives { return getppid == $owner }

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    delete $running{$pid};
    kill TERM => $pid;
    waitpid $pid, 0;
    return;
}

END {
    if ($$ == $owner) {
        local $?;
        $_->stop for values %running;
    }
}

1;
