#!/usr/bin/env perl

# Names of servers that the system resolves: the master asks no name server while it serves, and a name server
# that is silent keeps nobody waiting but the check of a reload.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;
use Weir::Dns;
use Weir::Processes;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 120;

# A name server of our own, on an address of its own, in a file system of our own.
plan skip_all => 'needs root' if $> != 0;
my $ip  = join '.', 127, map { 1 + int rand 253 } 1 .. 3;
my $w   = Weir->new(ports => [qw(http up)]);
my $dns = eval { Weir::Dns->start(dir => $w->dir, address => $ip, port => 53) }
    or plan skip_all => "no name server at $ip: $@";
$w->write('resolv.conf', "nameserver $ip\noptions timeout:5 attempts:2\n");
$w->{via} = ['unshare', '-m', 'sh', '-c',
    "mount --bind $w->{dir}/resolv.conf /etc/resolv.conf && exec \"\$@\"", 'sh'];
$dns->set('app.test' => {A => ['127.0.0.1'], ttl => 1});
{
    open my $out, '-|', @{$w->{via}}, qw(getent ahosts app.test) or die "getent: $!";
    plan skip_all => 'the system asks another name server' if !grep { /\A127\.0\.0\.1\b/ } <$out>;
}

sub role_of {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/comm" or return '';
    return (readline($in) // '') =~ /\Aweir (\w+)/ ? $1 : '';
}

sub set_body {
    my ($body, $host) = @_;
    $host //= 'app.test';
    $w->conf(<<"CONF");
workers = 2;
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( "127.0.0.1:{{http}}" );
upstreams = ( { name = "app"; servers = ( "$host:{{up}}" ); } );
sites = ( { routes = ( { prefix = "/app"; proxy = "app"; },
                       { respond = { status = 200; body = "$body\\n"; }; } ); } );
CONF
    return;
}

my $up = $w->upstream('up', {do => 'fixed', body => 'well'});
set_body('one');
my $before = $dns->asked('app.test');
start_up($w);
my $once = $dns->asked('app.test') - $before;
cmp_ok($once, '>', 0, 'the start asks');
is($w->get('http', '/app')->{body}, 'well', 'the server is there');

# The check asks, the master takes what it found.
set_body('two');
$before = $dns->asked('app.test');
$w->signal('HUP');
is(body_is($w, 'http', 'two'), 'two', 'reload');
is($dns->asked('app.test') - $before, $once, 'a reload asks once');
is($w->get('http', '/app')->{body}, 'well', 'the server is there');

# A name that is not there.
$dns->set('app.test' => {do => 'nxdomain'});
set_body('three');
$w->signal('HUP');
ok($w->wait_log(qr/reload refused: .*weir\.conf:6: cannot resolve "app\.test": .*write a name that resolves/),
    'a name that is unknown: refused, with the place');
$w->allow(qr/reload refused/);

# No answer at all.
$dns->set('app.test' => {do => 'silence'});
$before = $dns->asked('app.test');
is($w->run('-c', $w->dir . '/weir.conf', '-s', 'reopen')->{exit}, 0, 'commands need no name server');
is($dns->asked('app.test') - $before, 0, 'and ask none');
$w->signal('HUP');
ok(eventually(sub { $dns->asked('app.test') > $before }), 'a reload asks a name server that is silent');
my %old = map { $_ => 1 } my @old = $w->children;
my ($worker) = grep { role_of($_) eq 'worker' } @old;
kill KILL => $worker;
ok(eventually(sub { gone($worker) && grep { !$old{$_} && role_of($_) eq 'worker' } $w->children }),
    'the master goes on meanwhile: a worker is killed, and another one there');
is(scalar(grep { /reload refused/ } $w->log_lines), 1, 'before the reload has failed');
is($w->get('http', '/')->{body}, "two\n", 'the old configuration serves');
$w->allow(qr/was ended by signal 9/);
$w->stop_ok('TERM');

done_testing;
