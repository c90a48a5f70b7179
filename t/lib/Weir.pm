package Weir;

# Harness of the black-box tests: a directory, ports and a configuration for one
# `weir` process, its start and stop, and what every test must assert at the end:
# clean exit, no child left, nothing unexpected in the error log, no sanitizer
# report. Nothing here sleeps for a fixed time: it polls up to a deadline.
#
#   my $w = Weir->new(ports => [qw(http up)], conf => <<'CONF');
#   error_log = { path = "{{dir}}/error.log"; level = "info"; };
#   ...  "127.0.0.1:{{http}}" ... "http://127.0.0.1:{{up}}" ...
#   CONF
#   my $up = $w->upstream('up', 'echo');
#   $w->start;
#   is($w->get('http', '/')->{status}, 200);
#   $w->stop_ok;
#
# WEIR names the binary (default ./weir), WEIR_TIMEOUT the seconds to wait (30),
# WEIR_KEEP leaves the directories behind.

use strict;
use warnings;
use Carp qw(croak);
use Cwd qw(abs_path);
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOCK_DGRAM);
use Test::Builder;
use Time::HiRes qw(time);
use Weir::Client;
use Weir::Upstream;

my $owner = $$;
my %running;    # pid => Weir
my %given;      # ports handed out by this process => what holds them
my $sanitizer = qr/(?:Address|Leak|Memory|Thread|UndefinedBehavior)Sanitizer|: runtime error: /;

# So that END runs, and ends what was started, when the test is interrupted.
$SIG{$_} = sub { exit 1 }
    for grep { !defined $SIG{$_} } qw(INT TERM HUP);

sub timeout { return $ENV{WEIR_TIMEOUT} // 30 }

# Calls CODE every few milliseconds until it is true: its value, or undef when late.
sub wait_for {
    my ($code, $timeout) = @_;
    my $deadline = time + ($timeout // timeout());
    while (1) {
        my $r = $code->();
        return $r if $r;
        return if time > $deadline;
        select undef, undef, undef, 0.01;
    }
}

# A loopback port nobody listens on, never the same one twice, nor one of a test that runs at the same time: each is
# held by an abstract socket as long as this process is there. They are below those that the kernel gives to clients.
sub free_port {
    for (1 .. 1000) {
        my $port = 20000 + int rand 10000;
        next if $given{$port};
        my $hold = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "\0weir-test-port-$port") or next;
        IO::Socket::INET->new(Proto => 'tcp', LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 1) or next;
        $given{$port} = $hold;
        return $port;
    }
    croak 'no free port';
}

sub binary {
    my $path = $ENV{WEIR} // './weir';
    croak "no weir binary at $path (set WEIR)" if !-x $path || -d _;
    return abs_path($path);
}

# new([conf => TEXT] [, ports => [NAME...]] [, fill => {NAME => TEXT}] [, wait => NAME]
# [, env => {}] [, via => [ARG...]] [, up => CODE]): {{NAME}} in the configuration is a
# port, a fill, or dir. start waits for the port called {wait}, by default the first, or
# until CODE is true. {via} is a command that becomes the binary (ip netns exec NAME).
sub new {
    my ($class, %o) = @_;
    my $dir = File::Temp->newdir('weir-test-XXXXXX', TMPDIR => 1, CLEANUP => !$ENV{WEIR_KEEP});
    chmod 0755, "$dir";    # the workers may run as another user
    my @ports = @{$o{ports} // ['http']};
    my $self  = bless {
        temp  => $dir,
        dir   => "$dir",
        ports => {map { $_ => free_port() } @ports},
        wait  => $o{wait} // $ports[0],
        fill  => $o{fill} // {},
        env   => $o{env}  // {},
        via   => $o{via}  // [],
        up    => $o{up},
        allow => [],
    }, $class;
    $self->conf($o{conf}) if defined $o{conf};
    return $self;
}

sub dir { return $_[0]{dir} }
sub pid { return $_[0]{pid} }

sub port {
    my ($self, $name) = @_;
    return $self->{ports}{$name} // croak "no port called $name";
}

sub fill {
    my ($self, $text) = @_;
    my %f = (dir => $self->{dir}, %{$self->{ports}}, %{$self->{fill}});
    $text =~ s/\{\{(\w+)\}\}/$f{$1} \/\/ croak "nothing to fill in for {{$1}}"/ge;
    return $text;
}

# Writes a file below the directory; returns its path.
sub write {
    my ($self, $name, $text) = @_;
    my $path = "$self->{dir}/$name";
    open my $fh, '>:raw', $path or croak "$path: $!";
    print {$fh} $text;
    close $fh or croak "$path: $!";
    return $path;
}

sub read {
    my ($self, $name) = @_;
    open my $fh, '<:raw', "$self->{dir}/$name" or return '';
    local $/;
    return <$fh> // '';
}

# Sets (or replaces) the configuration file; returns its path.
sub conf {
    my ($self, $text) = @_;
    return $self->{conf} = $self->write('weir.conf', $self->fill($text));
}

sub client {
    my ($self, $name, %o) = @_;
    return Weir::Client->new(port => $self->port($name), %o);
}

sub get {
    my ($self, $name, $target, %o) = @_;
    return Weir::Client->get($self->port($name), $target, %o);
}

sub upstream {
    my ($self, $name, $script, %o) = @_;
    my $file = "$self->{dir}/upstream-$name-" . ++$self->{upstreams} . '.json';
    return Weir::Upstream->start(port => $self->port($name), script => $script, file => $file, %o);
}

# Forks the binary as leader of a session of its own, by which its children are
# found later; output goes to files.
sub _spawn {
    my ($self, $out, $err, @args) = @_;
    my $binary = binary();
    my $pid    = fork // croak "fork: $!";
    return $pid if $pid;
    %running = ();
    eval {
        POSIX::setsid();
        local %ENV = (%ENV, %{$self->{env}});
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE CHLD);
        open STDIN,  '<',  '/dev/null' or die "stdin: $!\n";
        open STDERR, '>>', $err        or die "$err: $!\n";
        open STDOUT, '>>', $out        or die "$out: $!\n";
        my @argv = (@{$self->{via}}, $binary, @args);
        exec {$argv[0]} @argv or die "$argv[0]: $!\n";
    };
    print {*STDERR} $@;
    POSIX::_exit(127);
}

# run(ARG...): the binary to its end: {exit, signal, out, err}; exit is undef when it
# was late and had to be killed. {{NAME}} in arguments is filled in.
sub run {
    my ($self, @args) = @_;
    my $n   = ++$self->{runs};
    my $pid = $self->_spawn("$self->{dir}/out.$n", "$self->{dir}/err.$n",
        map { $self->fill($_) } @args);
    my $done = wait_for(sub { waitpid($pid, POSIX::WNOHANG()) == $pid });
    my $status = $?;
    if (!$done) {
        CORE::kill KILL => $pid, _session($pid);
        waitpid $pid, 0;
    }
    return {
        exit   => $done ? $status >> 8 : undef,
        signal => $done ? $status & 127 : 9,
        out    => $self->read("out.$n"),
        err    => $self->read("err.$n"),
    };
}

# Starts `weir -c FILE` and waits for the port; dies, with what the process said, when
# it ends before or is late.
sub start {
    my ($self, @args) = @_;
    croak 'already running' if $self->{pid};
    my $pid = $self->_spawn("$self->{dir}/stdout", "$self->{dir}/stderr",
        '-c', $self->{conf}, @args);
    $self->{pid}   = $pid;
    $running{$pid} = $self;
    my $look = $self->{up} // sub { _answers($self->port($self->{wait})) };
    my $up   = wait_for(sub { $self->_ended ? 'ended' : $look->($self) });
    return $self if defined $up && $up ne 'ended';
    my $why = defined $up ? "ended with status $self->{status}" : 'did not listen in time';
    $self->kill;
    croak "weir $why: " . $self->read('stderr') . $self->read('error.log');
}

sub _answers {
    my ($port) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 1);
    return $s ? 'answers' : 0;
}

# True when the master is gone; keeps its wait status.
sub _ended {
    my ($self) = @_;
    my $pid = $self->{pid} // return 1;
    return 0 if waitpid($pid, POSIX::WNOHANG()) != $pid;
    $self->{status} = $?;
    delete $running{$pid};
    delete $self->{pid};
    return 1;
}

# Every process but zombies: pid => [parent, session, start time]; see proc(5).
sub _processes {
    my %all;
    for my $file (glob '/proc/[0-9]*/stat') {
        open my $fh, '<', $file or next;
        my $line = <$fh> // next;
        my ($pid, $rest) = $line =~ /\A(\d+) \(.*\) (.*)/s or next;
        my @f = split ' ', $rest;
        $all{$pid} = [@f[1, 3, 19]] if $f[0] !~ /[ZX]/;
    }
    return %all;
}

sub _session {
    my ($leader) = @_;
    my %all = _processes();
    return grep { $all{$_}[1] == $leader && $_ != $leader } sort { $a <=> $b } keys %all;
}

# Children, and theirs: pid => start time, also those that left the session.
sub _descendants {
    my ($root) = @_;
    my %all    = _processes();
    my %found  = ($root => 1);
    my $before = 0;
    while ($before != keys %found) {
        $before = keys %found;
        $found{$_} = 1 for grep { $found{$all{$_}[0]} } keys %all;
    }
    delete $found{$root};
    return map { $_ => $all{$_}[2] } keys %found;
}

# The workers and helpers running now, lowest pid first.
sub children {
    my ($self) = @_;
    return if !$self->{pid};
    my %d = _descendants($self->{pid});
    return sort { $a <=> $b } keys %d;
}

sub signal {
    my ($self, $name) = @_;
    croak 'not running' if !$self->{pid};
    return CORE::kill $name => $self->{pid};
}

# Lines of the error log, and of standard error, which has what is said before it is open.
sub log_lines {
    my ($self) = @_;
    return map { split /\n/, $self->read($_) } qw(stderr error.log);
}

# Waits for a line that matches; returns it or undef.
sub wait_log {
    my ($self, $re, $timeout) = @_;
    return wait_for(sub { (grep { /$re/ } $self->log_lines)[0] }, $timeout);
}

# These lines of the error log are what the test wants to see.
sub allow {
    my ($self, @re) = @_;
    push @{$self->{allow}}, @re;
    return;
}

# Lines neither allowed nor, by the level at their head, harmless.
sub unexpected {
    my ($self) = @_;
    my @bad;
    for my $line ($self->log_lines) {
        next if $line eq '' || grep { $line =~ $_ } @{$self->{allow}};
        push @bad, $line if $line !~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:debug|info|notice) /;
    }
    return @bad;
}

# stop([SIGNAL]): QUIT (graceful) or TERM to the master, and waits. Returns what is
# wrong, one text for each: nothing when all is well. What is left is killed.
sub stop {
    my ($self, $signal) = @_;
    $signal //= 'QUIT';
    my @wrong;
    my $pid  = $self->{pid};
    my %kids = $pid ? _descendants($pid) : ();
    if (!$pid || $self->_ended) {
        push @wrong, 'was not running any more';
    } else {
        CORE::kill $signal => $pid;
        push @wrong, "did not end on $signal" if !wait_for(sub { $self->_ended });
    }
    my $leader = $pid // 0;
    $self->kill if $self->{pid};
    my $status = $self->{status} // 0;
    push @wrong, 'killed by signal ' . ($status & 127) if $status & 127;
    push @wrong, 'exit code ' . ($status >> 8) if $status >> 8;
    my @left = _left($leader, \%kids);
    push @wrong, "left children behind: @left" if @left;
    CORE::kill KILL => @left;
    push @wrong, map { "sanitizer: $_" } grep { /$sanitizer/ } $self->log_lines;
    push @wrong, map { "error log: $_" } grep { !/$sanitizer/ } $self->unexpected;
    return @wrong;
}

# Those of the session and of the known children that outlive the master by more
# than the moment that ending takes.
sub _left {
    my ($leader, $kids) = @_;
    my @left;
    wait_for(
        sub {
            my %all = _processes();
            @left = grep {
                ($leader && $all{$_}[1] == $leader) || ($kids->{$_} // -1) == $all{$_}[2]
            } sort { $a <=> $b } keys %all;
            return !@left;
        },
        5
    );
    return @left;
}

# One test: stops and asserts that nothing was wrong.
sub stop_ok {
    my ($self, $signal, $name) = @_;
    my $tb    = Test::Builder->new;
    my @wrong = $self->stop($signal);
    my $ok    = $tb->ok(!@wrong, $name // 'weir stopped clean');
    $tb->diag($_) for @wrong;
    return $ok;
}

# At once, with all children.
sub kill {
    my ($self) = @_;
    my $pid = $self->{pid} // return;
    my %kids = _descendants($pid);
    CORE::kill KILL => $pid, keys %kids, _session($pid);
    wait_for(sub { $self->_ended });
    return;
}

END {
    if ($$ == $owner) {
        my $code = $?;
        for my $w (values %running) {
            print {*STDERR} "# weir $w->{pid} still running at the end: stop_ok is missing\n";
            $w->kill;
            $code ||= 1;
        }
        $? = $code;
    }
}

1;
