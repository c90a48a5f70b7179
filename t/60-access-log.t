#!/usr/bin/env perl

# Access logs: what stands in a line of each format, for requests good and bad; buffers, rotation, syslog.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP qw(decode_json);
use Socket qw(SOCK_DGRAM);
use Test::More;
use Weir;

my $w = Weir->new(ports => [qw(http up)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; } );
defaults = { access_log = { path = "{{dir}}/all.log"; buffer = 0; }; };
upstreams = ( { name = "up"; servers = ( { address = "127.0.0.1:{{up}}"; } ); } );
sites = (
  { name = "s"; routes = (
    { name = "json"; prefix = "/json"; respond = { body = "12345"; };
      access_log = { path = "{{dir}}/all.json"; format = "json"; buffer = 0; }; },
    { prefix = "/some"; proxy = "up";
      access_log = { path = "{{dir}}/some.json"; format = "json"; fields = [ "status", "upstream_status", "header_x_a" ];
        buffer = 0; }; },
    { prefix = "/custom"; respond = { body = "x"; };
      access_log = { path = "{{dir}}/custom.log"; format = "$method|$path|$arg_a|$header_x_a|$$"; buffer = 0; }; },
    { prefix = "/late"; respond = { body = "x"; };
      access_log = { path = "{{dir}}/late.log"; buffer = "64k"; flush = "300ms"; }; },
    { prefix = "/when"; respond = { status = 404; };
      access_log = ( { path = "{{dir}}/when.log"; buffer = 0; when = ( { status = 404; }, { header = "X-Log"; } ); },
                     { path = "{{dir}}/all.log"; } ); },
    { prefix = "/off"; respond = { body = "x"; }; access_log = "off"; },
    { prefix = "/stdout"; respond = { body = "x"; }; access_log = { path = "-"; buffer = 0; }; },
    { prefix = "/syslog"; respond = { body = "x"; };
      access_log = "syslog:server=unix:{{dir}}/log.sock,facility=daemon,tag=weir-test"; },
    { prefix = "/"; respond = { body = "hello"; }; } ); } );
CONF
my $up = $w->upstream('up', {'*' => {do => 'fixed', body => 'up'}});
my $syslog = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $w->fill('{{dir}}/log.sock')) or die "syslog: $!";
$w->start;
$w->allow(qr/-> 4\d\d/);

# The lines that are new in a log.
my %seen;

sub lines {
    my ($name, $count) = @_;
    my @lines;
    Weir::wait_for(sub {
        @lines = split /\n/, substr $w->read($name), $seen{$name} // 0;
        return @lines >= $count;
    }, 5);
    $seen{$name} = length $w->read($name);
    return @lines;
}

sub get {
    my ($target, @fields) = @_;
    return $w->get('http', $target, headers => \@fields);
}

my $time = qr/\[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\]/;
{
    my $c = $w->client('http');
    $c->send("GET /a%20b?q HTTP/1.1\r\nHost: a\r\nReferer: http://x/\"y\"\r\nUser-Agent: \\ \t\xc3\xa9\r\n\r\n");
    $c->read_response;
    my ($line) = lines('all.log', 1);
    like($line, qr{^127\.0\.0\.1 - - $time "GET /a%20b\?q HTTP/1\.1" 200 5 "http://x/\\x22y\\x22" "\\x5c \\x09\\xc3\\xa9"$},
        'combined: what the client sent is escaped');
    $c->send("HEAD / HTTP/1.0\r\n\r\n");
    $c->read_all;
    like((lines('all.log', 1))[0], qr{"HEAD / HTTP/1\.0" 200 0 "-" "-"$}, 'combined: no body, no fields');
}
{
    my $c = $w->client('http');
    $c->send("GET /x\x01y HTTP/1.1\r\nHost: a\r\n\r\n");
    $c->read_response;
    like((lines('all.log', 1))[0], qr{^127\.0\.0\.1 - - $time "[^"]*" 400 \d+ "-" "-"$}, 'a malformed request has its line');
    $c = $w->client('http');
    $c->send("GET / HTTP/1.1\r\n\r\n");
    $c->read_response;
    like((lines('all.log', 1))[0], qr{ 400 \d+ "-" "-"$}, 'so has one without Host');
}
{
    get('/json/x?a=1&b=%22', 'User-Agent' => 'q"');
    my $j = decode_json((lines('all.json', 1))[0]);
    is_deeply(
        {map { $_ => $j->{$_} } qw(method uri path query status bytes_sent scheme protocol site route remote_addr upstream_addr)},
        {method => 'GET', uri => '/json/x?a=1&b=%22', path => '/json/x', query => 'a=1&b=%22', status => 200,
            bytes_sent => 5, scheme => 'http', protocol => 'HTTP/1.1', site => 's', route => 'json',
            remote_addr => '127.0.0.1', upstream_addr => undef}, 'json: the variables');
    like($j->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'json: time');
    like($j->{duration}, qr/^\d+(?:\.\d+)?$/, 'json: duration');
    ok(length $j->{request_id} > 10, 'json: request_id');
    is($j->{server_port}, $w->port('http'), 'json: server_port');
    get('/some', 'X-A' => "\xff\"");
    is((lines('some.json', 1))[0], '{"status":200,"upstream_status":[200],"header_x_a":"\u00ff\""}',
        'json: fields; what is of attempts is an array with one, too');
}
{
    get('/custom/1?a=2', 'X-A' => 'b"');
    is((lines('custom.log', 1))[0], 'GET|/custom/1|2|b\x22|$', 'a format with variables');
    get('/when');
    get('/when', 'X-Log' => 1);
    is(scalar(my @l = lines('when.log', 1)), 1, 'when: one of two');
    is(scalar(@l = lines('all.log', 2)), 2, 'a log shared with other routes');
    get('/stdout');
    like((lines('stdout', 1))[0], qr{"GET /stdout HTTP}, 'standard output');
    get('/off');
    get('/');
    my ($line) = lines('all.log', 1);
    like($line, qr{"GET / }, 'off: no line');
}
{
    get('/late') for 1 .. 10;
    is($w->read('late.log'), '', 'lines wait in the buffer') or diag('this machine may have been slow');
    is(scalar(my @l = lines('late.log', 10)), 10, 'and are written after the flush time');
}
{
    get('/syslog');
    my $got = '';
    sysread $syslog, $got, 4096 if IO::Select->new($syslog)->can_read(5);
    like($got, qr{^<30>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d weir-test\[\d+\]: 127\.0\.0\.1 - - $time "GET /syslog HTTP/1\.1" 200 1 "-" "-"$},
        'syslog');
}
{
    get('/late') for 1 .. 3;
    rename $w->fill('{{dir}}/all.log'), $w->fill('{{dir}}/all.log.1') or die "rename: $!";
    $seen{'all.log'} = 0;
    $w->signal('USR1');
    ok(Weir::wait_for(sub { -e $w->fill('{{dir}}/all.log') }), 'USR1: the file is made anew');
    ok(Weir::wait_for(sub { get('/after'); $w->read('all.log') =~ /after/ }), 'and has the lines to come');
}
get('/late');
$w->stop_ok;
is(scalar(my @l = lines('late.log', 4)), 4, 'what is in a buffer when the worker ends is written');

my $bad = Weir->new(conf => <<'CONF');
error_log = "syslog:tag=a b";
listeners = ( "127.0.0.1:{{http}}" );
sites = ( { respond = 200; access_log = ( "syslog:facility=loud", { path = "{{dir}}/x"; format = "$nothing"; } ); } );
CONF
my $r = $bad->run('-t', '-c', '{{dir}}/weir.conf');
is($r->{exit}, 1, '-t refuses');
like($r->{err}, qr/weir\.conf:1: .*syslog tag "a b"/, 'a wrong tag');
like($r->{err}, qr/weir\.conf:3: .*unknown syslog facility "loud"/, 'a wrong facility');
like($r->{err}, qr/weir\.conf:3: .*unknown variable \$nothing/, 'a wrong variable');
done_testing;
