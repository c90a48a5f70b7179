package Weir::Processes;

# What the tests of start, reload, upgrade and death share: a configuration whose
# answer tells which version of it is served, and looks at the pid file.

use strict;
use warnings;
use Exporter qw(import);
use Weir;

our @EXPORT = qw(conf weir running start_up pid_of alive gone eventually body_is master_kids);

my $owner = $$;
my %seen;    # master's pid => directory of the test

# conf(KEY => VALUE...): body (the answer), workers, listeners (libconfig elements),
# top (further lines).
sub conf {
    my (%o) = @_;
    my $workers   = $o{workers}   // 2;
    my $listeners = $o{listeners} // '"127.0.0.1:{{http}}"';
    my $body      = $o{body}      // 'one';
    my $top       = $o{top}       // '';
    my $level     = $o{level}     // 'info';
    return <<"CONF";
workers = $workers;
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
error_log = { path = "{{dir}}/error.log"; level = "$level"; };
drain_timeout = "5s";
$top
listeners = ( $listeners );
sites = ( { routes = ( { prefix = "/"; respond = { status = 200; body = "$body\\n"; }; } ); } );
CONF
}

sub weir {
    my (%o) = @_;
    return Weir->new(conf => conf(%o), ports => $o{ports} // ['http'], env => $o{env} // {});
}

# Starts it and waits until it is through with that, which the pid file tells.
sub start_up {
    my ($w) = @_;
    $w->start;
    eventually(sub { pid_of($w) == $w->pid }) or die "no pid file\n";
    return $w;
}

sub running { return start_up(weir(@_)) }

# The pid in the pid file; 0: none.
sub pid_of {
    my ($w) = @_;
    my $pid = $w->read('weir.pid') =~ /\A(\d+)\n\z/ ? $1 : 0;
    $seen{$pid} = $w->dir if $pid;
    return $pid;
}

# Masters that the harness did not start (daemons, those of an upgrade) do not outlive a test that failed.
END {
    for my $pid ($$ == $owner ? keys %seen : ()) {
        open my $in, '<', "/proc/$pid/cmdline" or next;
        my $line = readline($in) // '';
        kill TERM => $pid if index($line, "$seen{$pid}/") >= 0;
    }
}

# Whether a process runs; one that has ended and waits to be reaped does not.
sub alive {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/stat" or return 0;
    my $line = readline($in) // return 0;
    return $line =~ /\A\d+ \(.*\) [ZX]/s ? 0 : 1;
}

sub gone { return !alive($_[0]) }

sub eventually {
    my ($code) = @_;
    return Weir::wait_for($code);
}

# What a new connection is answered, until it is that; the last answer.
sub body_is {
    my ($w, $name, $want) = @_;
    my $got = '';
    eventually(sub {
        my $r = eval { $w->get($name, '/') };
        $got = $r->{body} // '';
        return $got eq "$want\n";
    });
    chomp $got;
    return $got;
}

# Processes whose parent is PID.
sub master_kids {
    my ($pid) = @_;
    my @kids;
    for my $file (glob '/proc/[0-9]*/stat') {
        open my $in, '<', $file or next;
        my $line = readline($in) // next;
        push @kids, $1 if $line =~ /\A(\d+) \(.*\) [^ZX] (\d+) /s && $2 == $pid;
    }
    return sort { $a <=> $b } @kids;
}

1;
