#!/usr/bin/env perl

# weir -t and weir -T: what is valid, what is wrong and how it is said, levels and includes as -T shows
# them, and that what -T prints is a configuration with the same meaning.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Test::More;
use Weir;

local $SIG{ALRM} = sub { die "configuration test takes too long\n" };
alarm 100;

my $w = Weir->new(ports => [qw(a b c d)]);
my ($pa, $pb, $pc, $pd) = map { $w->port($_) } qw(a b c d);
mkdir $w->dir . "/$_" for qw(www run conf.d);
symlink 'www', $w->dir . '/link';

sub check {
    my ($text, $option) = @_;
    $w->conf($text);
    my $r = $w->run($option // '-t', '-c', '{{dir}}/weir.conf');
    my $dir = $w->dir;
    $r->{err} =~ s/^\Q$dir\E\///mg;
    return $r;
}

# What is right in all of them, on lines of its own behind the rest.
my $listen = "listeners = ( \"127.0.0.1:$pa\" );";
my $up     = 'upstreams = ( { name = "app"; servers = "127.0.0.1:81"; } );';
my $site   = 'sites = ( { proxy = "app"; } );';

sub with_upstream { return "upstreams = (\n{ name = \"app\"; servers = \"127.0.0.1:1\"; $_[0] } );\n$listen\n$site\n" }
sub with_route { return "sites = ( { routes = (\n$_[0]\n); } );\n$listen\n$up\n" }

# ---- good ones, which are also their own fixed point under -T
my @good = (
    ['short forms', "$listen $up $site"],
    ['the surface of the core', <<'CONF'],
user = "nobody"; workers = 3; pid_file = "run/weir.pid"; control = "unix:run/weir.sock"; state_dir = "run";
secret = "not a secret"; error_log = { path = "run/error.log"; level = "debug"; };
limits = { connections = 1000; }; drain_timeout = "1h"; watchdog = 0;
defaults = { timeouts = { read = "500ms"; client_header = 5; }; root = "www"; request_head = { max_fields = 50; };
  keepalive = { idle = 4; }; weight = 2; access_log = "run/access.log"; retry = 2; };
listeners = (
  { address = "*:{{a}}"; sites = [ "a.test", "b" ]; default_site = "b"; backlog = 10; defer_accept = false; },
  { address = "127.0.0.1:{{b}}"; proxy_protocol = true; trusted = [ "10.0.0.0/8", "::1", "all" ]; http2 = false; },
  { address = "unix:run/http.sock"; timeouts = { keepalive = 1; }; request_head = { max_size = "8k"; }; },
  { address = "127.0.0.1:{{c}}"; admin = true; } );
upstreams = ( { name = "app"; weight = 7; keepalive = { timeout = "1m"; }; balance = { method = "uri"; depth = 2; length = 9; whole = true; };
  hash_method = "consistent"; hash_balance_factor = 125; divert = ( { to = "b"; when = ( { cookie = "beta"; } ); }, { to = "http://127.0.0.1:1"; } );
  servers = ( "127.0.0.1:1", { address = "localhost:2"; name = "two"; weight = 0; backup = true; down = true; },
    { address = "unix:run/app.sock"; max_connections = 5; }, "[::1]:3" ); },
  { name = "b"; balance = { method = "hash"; key = "$host$path"; }; servers = "127.0.0.1:1"; } );
sites = (
  { hosts = [ "a.test", ".b.test", "www.*", "~^x\\d+\\.test$" ];
    request_headers = { set = { X-A = "$remote_addr"; }; remove = "X-B"; };
    routes = (
      { exact = "/e"; redirect = { to = "https://$host$uri"; status = 308; }; },
      { prefix = "/p/"; final = true; alias = "www/"; listing = true; symlinks = true; dotfiles = true; expires = 0; },
      { regex = "\\.(png|jpe?g)$"; nocase = true; index = [ "a", "b" ]; types = { png = "image/png"; }; expires = "7d"; },
      { prefix = "/m"; proxy = "app"; when = ( { method = [ "GET", "POST" ]; } ); },
      { prefix = "/m"; proxy = "http://127.0.0.1:9"; when = ( { header = "X-*"; present = false; },
          { cookie = "c"; is = ( "1", 2 ); not = true; }, { any = ( { percent = 12.5; }, { query = "q"; regex = "^a"; } ); },
          { value = "$host-$arg_x"; is = "y"; }, { source = [ "10.0.0.0/8" ]; }, { scheme = "http"; },
          { language = "de"; }, { user_agent = "(?i)bot"; }, { sni = "a.test"; } );
        rewrite = ( [ "^/m/(.*)", "/n/$1" ], { regex = "x"; to = "/y"; last = true; } ); strip_prefix = "/m";
        replace_path = "/z$path"; add_prefix = "/v2"; location = false; },
      { prefix = "/m"; respond = { status = 404; body = "no"; type = "text/plain"; headers = { X-C = "1"; }; }; },
      { prefix = "/t"; try = ( "$path", "/d/", "@last" ); cookies = { domain = "a.test"; secure = true; path = ""; }; },
      { name = "last"; internal = true; proxy = "app"; proxy_headers = { host = "app.test"; via = false; };
        response_headers = { inherit = false; add = { Link = [ "</a>", "</b>" ]; }; };
        access_log = ( { path = "-"; format = "json"; fields = [ "status", "host" ]; sample = 0.5;
            when = ( { status = [ 404, "500-599" ]; }, { longer_than = "1s"; }, { sent_header = "X"; present = true; } ); },
          { path = "syslog:local1"; format = "$host $status"; buffer = 0; } ); },
      { prefix = "/s"; status = true; access_log = "off"; timeouts = false; retry = false; }
    ); },
  { name = "b"; root = "www"; request_body = { max_size = 0; buffer = "stream"; }; }
);
CONF
    ['what is not in this version is taken as `false`', <<"CONF"],
$listen $up sites = ( { waf = false; rate_limit = false; routes = ( { proxy = "app"; compress = false; } ); } );
CONF
);
for my $g (@good) {
    my ($name, $text) = @$g;
    my $r = check($text);
    is($r->{err},  '', "$name: no error");
    is($r->{exit}, 0,  "$name: exit code");
    like($r->{out}, qr/^\S+weir\.conf: the configuration is valid\n\z/, "$name: says so");
    my $first = check($text, '-T');
    is($first->{exit}, 0, "$name: -T");
    my $second = check($first->{out}, '-T');
    is($second->{err}, '', "$name: -T of -T has no error");
    is($second->{out}, $first->{out}, "$name: -T of -T is the same text");
}

# ---- wrong ones: the whole of what is said
my @bad = (
    # The file itself.
    ["user = \"root\nworkers = on;", "1: the string is not closed on its line; write the '\"' that ends it",
     "2: 'on' is not a value here; write true"],
    ["worker = 1;\n$listen\n$up\n$site", "1: unknown setting 'worker' in the file; did you mean 'workers'?"],
    # Words beside the right one.
    ["drain = \"5s\";\n$listen\n$up\n$site", "1: unknown setting 'drain' in the file; write 'drain_timeout'"],
    [with_upstream('protocol = "http2";'), "2: 'protocol' cannot be \"http2\"; write \"h2\""],
    ["listeners = ( { address = \"127.0.0.1:$pa\"; timeouts = { read = 5; };\ntls = { client_verify = true;\nocsp = true;\n"
        . "certificates = { certificate = \"/x\"; }; }; } );\n$up\n$site",
     "1: 'read' may not stand in a listener; write timeouts = { tunnel = \"1h\"; }; with mode = \"tcp\", or 'read' in a site",
     "2: 'client_verify' is a boolean; write \"none\", \"optional\" or \"required\"",
     "3: unknown setting 'ocsp' in 'tls'; write 'ocsp_stapling'",
     "4: unknown setting 'certificate' in a certificate; write 'cert'"],
    ["workers = \"two\";\n$listen\n$up\n$site", "1: 'workers' is a string; write an integer"],
    ["workers = 2000;\n$listen\n$up\n$site", "1: 'workers' is out of range; write a value from 0 to 1024"],
    ["defaults = { timeouts = { connect = \"11m\"; }; };\n$listen\n$up\n$site",
     "1: 'connect' is out of range; write a value from 0 to \"10m\""],
    ["defaults = {\nproxy = \"app\"; };\n$listen\n$up\n$site",
     "2: 'proxy' may not stand in 'defaults'; it belongs in a route"],
    ["control = \"127.0.0.1:1\";\n$listen\n$up\n$site", "1: 'control' is \"127.0.0.1:1\"; write \"unix:PATH\""],
    ["pid_file = \"nowhere/pid\";\n$listen\n$up\n$site",
     "1: 'pid_file' is in {{dir}}/nowhere, which is not a directory; make it or write another path"],
    ["secret = \"file:nothing\";\n$listen\n$up\n$site",
     "1: cannot read the secret {{dir}}/nothing: No such file or directory; write a file that is there"],
    ["tables = ( { name = \"c\"; } );\n$listen\n$up\n$site", "1: 'tables' is not in this version of Weir; remove it"],
    # Listeners.
    ["listeners = (\n\"127.0.0.1:80\",\n\"127.0.0.1:80\" );\n$up\n$site",
     "3: the address \"127.0.0.1:80\" is listened on twice, first at {{dir}}/weir.conf:2; keep one of them"],
    ["listeners = ( { address = \"10.0.0.1:8900\"; admin = true; } );\n$up\n$site",
     "1: an admin listener on \"10.0.0.1:8900\" would be open to all; write a loopback address such as "
         . "\"127.0.0.1:8900\" or a unix socket"],
    ["listeners = ( { address = \"*:80\"; sites = [ \"aa\" ]; } );\n$up\nsites = ( { name = \"ab\"; proxy = \"app\"; } );",
     "1: there is no site \"aa\"; did you mean \"ab\"?"],
    ["listeners = ( { address = \"*:80\"; bandwidth = \"1m\"; } );\n$up\n$site",
     "1: 'bandwidth' is not in this version of Weir; remove it"],
    ["listeners = ( { adress = \"*:80\"; } );\n$up\n$site",
     "1: unknown setting 'adress' in a listener; did you mean 'address'?"],
    ["listeners = ( { address = \"*:80\"; proxy_protocol = true; } );\n$up\n$site",
     "1: 'proxy_protocol' is believed from nobody; write trusted = [ ... ];"],
    # Upstreams.
    ["upstreams = (\n{ name = \"app\"; servers = \"127.0.0.1:1\"; },\n{ name = \"app\"; servers = \"127.0.0.1:1\"; } );\n$listen\n$site",
     "3: the upstream \"app\" is defined twice, first at {{dir}}/weir.conf:2; keep one of them"],
    ["upstreams = ( { name = \"app\"; } );\n$listen\n$site",
     "1: the upstream \"app\" has no servers; write servers = ( ... );"],
    ["upstreams = ( { name = \"app\"; servers = ( \"127.0.0.1\", \"no.such.name.invalid:80\" ); } );\n$listen\n$site",
     "1: \"127.0.0.1\" is not the address of a server; write NAME:PORT or IP:PORT",
     qr/^weir\.conf:1: cannot resolve "no\.such\.name\.invalid": .*; write a name that resolves or an IP address$/],
    ["upstreams = ( { name = \"app\"; servers = \"127.0.0.1:1\"; tls = { ca = \"none\"; key = \"weir.conf\"; };\n proxy_protocol = 3; } );\n$listen\n$site",
     "1: the authorities in {{dir}}/none cannot be used: No such file or directory; write a PEM file of certificates",
     "1: 'key' is of no use without its certificate; write cert = \"FILE\"",
     "2: 'proxy_protocol' is out of range; write a value from 1 to 2"],
    ["upstreams = ( { name = \"app\"; servers = \"unix:/s\"; tls = { cert = \"weir.conf\"; }; } );\n$listen\n$site",
     "1: the certificate in {{dir}}/weir.conf cannot be used: it is not in PEM; write a PEM file of certificates",
     "1: a unix socket has no name that a certificate could be for; write sni = \"NAME\""],
    ["upstreams = ( { name = \"app\"; servers = \"127.0.0.1:99999\"; balance = \"roundrobin\"; } );\n$listen\n$site",
     "1: the port of \"127.0.0.1:99999\" is wrong; write a number from 1 to 65535",
     "1: 'balance' cannot be \"roundrobin\"; did you mean \"round_robin\"?"],
    [with_upstream('balance = "hash";'),
     "2: \"hash\" needs a key; write balance = { method = \"hash\"; key = \"\$remote_addr\"; };"],
    [with_upstream('balance = { method = "header"; key = "$host"; };'),
     "2: 'key' says nothing about \"header\"; it is for \"hash\": remove it or change the method",
     "2: \"header\" needs a name; write balance = { method = \"header\"; name = \"...\"; };"],
    [with_upstream("balance = { method = \"uri\";\nname = \"x\"; depth = -1; };"),
     "3: 'depth' is out of range; write a value from 1 to 1000",
     "3: 'name' says nothing about \"uri\"; it is for \"url_param\", \"header\" and \"rdp_cookie\": remove it or change the method"],
    [with_upstream('balance = { method = "hash"; key = "$hots"; };'),
     "2: unknown variable \$hots; did you mean \$host?"],
    [with_upstream("balance = \"source\"; hash_method = \"ring\";\nhash_balance_factor = 100;"),
     "2: 'hash_method' cannot be \"ring\"; write \"map\" or \"consistent\"",
     "3: 'hash_balance_factor' is out of range; write a value from 101 to 100000"],
    [with_upstream("balance = \"least_conn\";\nhash_method = \"consistent\";"),
     "3: 'hash_method' says nothing about \"least_conn\"; it is for source, uri, url_param, header, rdp_cookie and hash: "
         . "remove it or change 'balance'"],
    # The method is meant for others, but not its name.
    ["defaults = { balance = { method = \"header\"; name = \"X-User\"; }; };\n" . with_upstream('balance = "url_param";'),
     "3: \"url_param\" needs a name; write balance = { method = \"url_param\"; name = \"...\"; };"],
    ["defaults = { balance = { method = \"first\"; name = \"X-User\"; }; };\n" . with_upstream(''),
     "1: 'name' says nothing about \"first\"; it is for \"url_param\", \"header\" and \"rdp_cookie\": remove it or change the method"],
    [with_upstream("divert = ( { to = \"b\"; } ); },\n{ name = \"b\"; servers = \"127.0.0.1:1\"; divert = ( { to = \"ap\";\n"
         . "when = ( { header = \"X\"; status = 3; } ); },\n{ to = \"b2\"; } ); }, { name = \"b2\"; servers = \"127.0.0.1:1\";"),
     "3: there is no upstream \"ap\"; did you mean \"app\"?", "4: 'status' may not stand in an upstream; it belongs in "
         . "the conditions of an access log or of 'no_store'"],
    [with_upstream("divert = ( { to = \"b\"; } ); },\n{ name = \"b\"; servers = \"127.0.0.1:1\"; divert = ( { to = \"c\"; },\n"
         . "{ to = \"b\"; } ); },\n{ name = \"c\"; servers = \"127.0.0.1:1\"; divert = ( { to = \"app\"; } );"),
     "4: 'divert' goes in a circle, \"b\" to \"b\"; take one of them out",
     "5: 'divert' goes in a circle, \"app\" to \"b\" to \"c\" to \"app\"; take one of them out"],
    [with_upstream("divert = ( { when = ( { method = \"GET\"; } ); } );"),
     qr/^weir\.conf:2: .*'to'/],
    # Sites.
    ["sites = ( { hosts = \"a.test:80\"; proxy = \"app\"; }, { hosts = \"http://b.test\"; proxy = \"app\"; },\n"
         . "{ hosts = \"c.test.\"; proxy = \"app\"; }, { hosts = \"d test\"; proxy = \"app\"; } );\n$listen\n$up",
     qr/^weir\.conf:1: the host "a\.test:80" is wrong at byte 6: write the name alone, without scheme, port or path$/,
     qr/^weir\.conf:1: the host "http:\/\/b\.test" is wrong at byte 4: write the name alone/,
     qr/^weir\.conf:2: the host "c\.test\." is wrong at byte 6: write it without the dot at the end/,
     qr/^weir\.conf:2: the host "d test" is wrong at byte 1: a name holds no such byte/],
    ["sites = ( { request_headers = { remove = [ \"Host\" ]; };\nproxy = \"app\"; } );\n$listen\n$up",
     qr/^weir\.conf:1: "Host" cannot be taken out, as every request has one/],
    ["sites = ( { hosts = \"A.test\"; proxy = \"app\"; },\n{ hosts = \"a.TEST\"; proxy = \"app\"; } );\n$listen\n$up",
     "2: the host \"a.test\" is on one listener twice, first in the site at {{dir}}/weir.conf:1; keep one of them"],
    ["sites = ( { name = \"s\"; proxy = \"app\"; },\n{ name = \"s\"; hosts = \"s\"; proxy = \"app\"; } );\n$listen\n$up",
     "2: the site \"s\" is defined twice, first at {{dir}}/weir.conf:1; rename one"],
    ["sites = ( { name = \"s\"; } );\n$listen\n$up", "1: the site does nothing; write routes = ( ... ); or an action such "
         . "as proxy, root, redirect or respond"],
    # Routes.
    [with_route('{ prefix = "/"; proxy = "ap"; }'), "2: there is no upstream \"ap\"; did you mean \"app\"?"],
    [with_route('{ prefix = "/"; }'), "2: the route does nothing; write one of proxy, root, alias, redirect, respond, status and purge"],
    [with_route('{ proxy = "app"; respond = 200; }'),
     "2: the route has more than one action; keep one of proxy, root, alias, redirect, respond, status and purge"],
    [with_route('{ exact = "/a"; prefix = "/b"; respond = 200; }'),
     "2: the route has more than one of exact, prefix and regex; keep one"],
    [with_route("{ prefix = \"/a\"; respond = 200; },\n{ prefix = \"/a\"; proxy = \"app\"; }"),
     "3: this route is never reached: the one at {{dir}}/weir.conf:2 takes the same requests; give that one a `when` or "
         . "remove one of them"],
    [with_route('{ exact = "a"; respond = 200; }, { exact = "/a/../b"; respond = 200; }'),
     "2: 'exact' is \"a\"; write a path that begins with \"/\"",
     "2: no request has the path \"/a/../b\"; write its normal form \"/b\""],
    [with_route('{ regex = "(a"; respond = 200; }'),
     qr/^weir\.conf:2: the regex "\(a" is wrong at byte 2: missing closing parenthesis$/],
    [with_route('{ root = "nowhere"; }'),
     "2: 'root' cannot be used: {{dir}}/nowhere: No such file or directory; write a directory that is there"],
    [with_route('{ root = "weir.conf"; }'),
     "2: 'root' cannot be used: {{dir}}/weir.conf: Not a directory; write a directory that is there"],
    [with_route("{ root = \"www\"; try = ( \"\$path\", \"\@pgae\" ); },\n{ name = \"page\"; internal = true; respond = 200; }"),
     "2: there is no route of this site with the name \"pgae\"; did you mean \"page\"?"],
    [with_route('{ internal = true; respond = 200; }'),
     "2: an internal route without a name is never reached; write name = \"...\";"],
    [with_route('{ redirect = { to = "/$hots"; status = 307; }; }'),
     qr/^weir\.conf:2: unknown variable \$hots; did you mean \$host\?$/],
    [with_route('{ redirect = { to = "/"; status = 304; }; }'),
     "2: 304 is not the status of a redirect; write 301, 302, 303, 307 or 308"],
    [with_route('{ proxy = "grpcs://a.test"; }'),
     "2: \"grpcs://\" is not a scheme of `proxy`; write \"h2://HOST:PORT\" or \"grpc://HOST:PORT\", or an upstream with protocol = \"h2\" and tls = true"],
    [with_route('{ proxy = "https://127.0.0.1/x"; }'),
     "2: \"https://127.0.0.1/x\" has a path; write \"https://HOST:PORT\" and add_prefix = \"/x\""],
    [with_route('{ proxy = "http://127.0.0.1:1/a"; }'),
     "2: \"http://127.0.0.1:1/a\" has a path; write \"http://HOST:PORT\" and add_prefix = \"/a\""],
    [with_route('{ respond = 200; when = ( { method = "GET"; source = "all"; } ); }'),
     "2: a condition has more than one subject; write one group for each"],
    [with_route('{ respond = 200; when = ( { status = 404; } ); }'),
     "2: 'status' may not stand in a route; it belongs in the conditions of an access log or of 'no_store'"],
    [with_route('{ respond = 200; when = ( { method = "GET"; is = "a"; } ); }'),
     "2: 'is' says nothing about 'method'; remove it"],
    [with_route('{ respond = 200; timeouts = { client_header = 1; }; }'),
     "2: 'client_header' may not stand in a route; it belongs in a listener"],
    [with_route('{ respond = 200; response_headers = { set = { Content-Length = "1"; }; }; }'),
     "2: \"Content-Length\" is Weir's own business, as it says where messages end; remove it"],
    [with_route('{ proxy = "app"; retry = { on = [ "timeuot", 503 ]; }; waf = true; }'),
     "2: 'on' cannot be \"timeuot\"; did you mean \"timeout\"?",
     "2: 'waf' is not in this version of Weir; remove it"],
    [with_route('{ respond = "hi"; }'), "2: 'respond' is a string; write an integer, or respond = { body = \"hi\"; };"],
    [with_route('{ redirect = "/a\\x0db"; }, { prefix = "/r"; respond = { body = "a"; type = "text/plain\\n"; headers = { X = "\\x7f"; }; }; }'),
     "2: 'to' holds the control byte \\x0d, which no header field may hold; remove it",
     "2: 'X' holds the control byte \\x7f, which no header field may hold; remove it",
     "2: 'type' holds the control byte \\x0a, which no header field may hold; remove it"],
    [with_route('{ respond = 200; response_headers = { set = { X-A = "a\\nb"; X-B = "a\\tb"; }; }; }'),
     "2: 'X-A' holds the control byte \\x0a, which no header field may hold; remove it"],
    [with_route('{ respond = 200; access_log = { path = "-"; format = "combned"; }; }'),
     "2: the format \"combned\" has no variable; did you mean \"combined\"?"],
    [with_route('{ respond = 200; access_log = { path = "-"; format = "hello, world"; }; }'),
     "2: the format \"hello, world\" has no variable; write \"combined\", \"json\" or a text such as "
         . "\"\$remote_addr \$status\""],
    # Sites without hosts: one of them only is reached.
    ["sites = ( { proxy = \"app\"; },\n{ name = \"second\"; root = \"www\"; } );\n$listen\n$up",
     "2: this site is never reached: it has no 'hosts', and hosts that no site names go to the one at {{dir}}/weir.conf:1; "
         . "write hosts = [ ... ]; or make it a listener's default_site"],
    ["sites = ( { name = \"b\"; hosts = \"b.test\"; proxy = \"app\"; },\n{ name = \"c\"; root = \"www\"; } );\n$up\n"
         . "listeners = ( { address = \"127.0.0.1:$pa\"; default_site = \"b\"; } );",
     qr/^weir\.conf:2: this site is never reached: .*weir\.conf:1;/],
    # Files that are directories, and the other way round.
    ["pid_file = \"www\";\nstate_dir = \"weir.conf\";\nerror_log = { path = \"www\"; };\n$listen\n$up\n"
         . "sites = ( { proxy = \"app\";\naccess_log = \"www\"; } );",
     "1: 'pid_file' is {{dir}}/www, which is a directory; write the path of a file",
     "2: 'state_dir' is {{dir}}/weir.conf, which is not a directory; write the path of one",
     "3: 'error_log' is {{dir}}/www, which is a directory; write the path of a file",
     "7: 'access_log' is {{dir}}/www, which is a directory; write the path of a file"],
    ["pid_file = \"link\";\n$listen\n$up\n$site",
     "1: 'pid_file' is {{dir}}/link, which is a directory; write the path of a file",
     "1: 'pid_file' is {{dir}}/link, which is a symbolic link; write the path of a file"],
    # "*" is both families.
    map({ ["listeners = ( \"*:$pa\",\n\"$_:$pa\" );\n$up\n$site",
     "2: the address \"$_:$pa\" is listened on twice, first at {{dir}}/weir.conf:1; keep one of them"] } '0.0.0.0', '[::]', '*'),
    # Words of other programs.
    ["worker_processes = 4;\nhttp = { };\nserver = ( { listen = \"80\"; } );\nfrontend = ( );\n$listen\n$up\n$site",
     "1: unknown setting 'worker_processes' in the file; write 'workers'",
     "2: unknown setting 'http' in the file; remove it: what is in it stands in the file itself",
     "3: unknown setting 'server' in the file; write sites = ( { hosts = [ ... ]; routes = ( ... ); } );",
     "4: unknown setting 'frontend' in the file; write listeners = ( { address = \"*:80\"; } ); and sites = ( ... );"],
    [with_upstream("server = \"127.0.0.1:2\";\nip_hash = true; maxconn = 5; cookie = \"SRV\";"),
     "2: unknown setting 'server' in an upstream; write servers = ( \"HOST:PORT\", ... );",
     "3: unknown setting 'ip_hash' in an upstream; write balance = \"source\";",
     "3: unknown setting 'maxconn' in an upstream; write 'max_connections' in a server",
     "3: unknown setting 'cookie' in an upstream; write sticky = { mode = \"insert\"; cookie = \"NAME\"; };"],
    ["sites = ( { server_name = \"a.test\";\nlocation = ( { proxy_pass = \"app\"; } );\ngzip = true; error_page = 404; proxy = \"app\"; } );"
         . "\n$listen\n$up",
     "1: unknown setting 'server_name' in a site; write hosts = [ ... ];",
     "2: unknown setting 'location' in a site; write routes = ( { prefix = \"/\"; ... } ); with prefix, exact or regex",
     "3: unknown setting 'gzip' in a site; it is 'compress' here, which is not in this version of Weir: remove it",
     "3: unknown setting 'error_page' in a site; it is 'error_pages' here, which is not in this version of Weir: remove it"],
    [with_route("{ proxy_pass = \"http://127.0.0.1:1\";\nproxy_read_timeout = 5; client_max_body_size = 1; respond = 200; }"),
     "2: unknown setting 'proxy_pass' in a route; write proxy = \"NAME\" of an upstream, or \"http://HOST:PORT\"",
     "3: unknown setting 'proxy_read_timeout' in a route; write timeouts = { read = \"60s\"; };",
     "3: unknown setting 'client_max_body_size' in a route; write request_body = { max_size = \"10m\"; };"],
    # Names that cannot stand before '='.
    [with_route("{ respond = 200; response_headers = { set = {\nX-Foo.Bar = \"1\"; X-B = \"2\";\n1st = \"3\"; }; }; types = { 7z = \"a/b\"; };\n"
         . "x.y = 1; prefx = 2; }"),
     "3: 'X-Foo.Bar' cannot stand before '='; write set = ( { name = \"X-Foo.Bar\"; value = \"VALUE\"; } );",
     "4: '1st' cannot stand before '='; write set = ( { name = \"1st\"; value = \"VALUE\"; } );",
     "4: '7z' cannot stand before '='; write types = ( { name = \"7z\"; value = \"VALUE\"; } );",
     "5: 'x.y' is not a name; write NAME = VALUE;",
     "5: unknown setting 'prefx' in a route; did you mean 'prefix'?"],
    [with_route("{ respond = 200; response_headers = { set = { \"X-A\" = \"1\"; }; }; }"),
     "2: a name has no quotes; write NAME = VALUE; or set = ( { name = \"NAME\"; value = \"VALUE\"; } );",
     qr/^weir\.conf:2: /],
    # Slips of the text are mended, so that what is behind them is seen in the same run.
    ["workers = on; prefx = 1;\nuser = \"root\"; user = 5;\ndrain_timeout = 5x;\nwatchdog 3;\n$listen\n$up\n"
         . "sites = ( { proxy = ap; }; { hosts = [ \"a\" \"b\" ], proxy = app, routes = ; }, , { hosts = \"c\"; expires = 30000000000; respond = 99; } );",
     "1: 'on' is not a value here; write true",
     "1: 'workers' is a boolean; write an integer",
     "1: unknown setting 'prefx' in the file; remove it",
     "2: 'user' is set twice, first at {{dir}}/weir.conf:2; keep one of them",
     "3: a number with a unit needs quotes; write \"5x\"",
     "3: 'drain_timeout' does not understand \"5x\"; write a duration such as 30, \"500ms\", \"30s\", \"5m\", \"8h\" or \"7d\"",
     "4: no '=' after 'watchdog'; write watchdog = ...;",
     "7: 'ap' is not a value; write \"ap\" if it is text",
     "7: ';' between the elements of '('; write a comma",
     "7: two strings without a comma between; write a comma before this one",
     "7: 'app' is not a value; write \"app\" if it is text",
     "7: 'routes' has no value; write routes = VALUE;",
     "7: no element before this comma; remove the comma",
     "7: 30000000000 does not fit in 31 bits; write 30000000000L",
     "7: 'respond' is out of range; write a value from 200 to 599",
     "7: there is no upstream \"ap\"; did you mean \"app\"?"],
    ["workers = on;\nprefx = 1;\n$listen\n$up\nsites = ( { proxy = ap; );", "1: 'on' is not a value here; write true",
     "5: 'ap' is not a value; write \"ap\" if it is text", "5: '{' is not closed; write the '}' that ends it"],
    [with_route('{ respond = 200; access_log = { path = "-"; format = "json"; fields = "stats"; }; }'),
     qr/^weir\.conf:2: unknown variable \$/],
    # Many at once, in the order of the lines.
    ["workers = -1;\n$listen\nupstreams = ( { name = \"app\";\nservers = \"x\"; } );\nsites = (\n{ proxy = \"ap\"; cahce = \"c\"; } );",
     "1: 'workers' is out of range; write a value from 0 to 1024",
     "4: \"x\" is not the address of a server; write NAME:PORT or IP:PORT",
     "6: unknown setting 'cahce' in a site; did you mean 'cache'?",
     "6: there is no upstream \"ap\"; did you mean \"app\"?"],
    ["$up\n$site", qr/^weir\.conf: there are no listeners; write listeners = /],
);
for my $b (@bad) {
    my ($text, @want) = @$b;
    my $r    = check($text);
    my @said = split /\n/, $r->{err};
    my $name = (split /\n/, ref $want[0] ? "$want[0]" : $want[0])[0];
    is($r->{exit}, 1, "exit code: $name");
    is($r->{out}, '', 'nothing on standard output');
    is(scalar @said, scalar @want, 'as many errors as are wrong') or diag $r->{err};
    for my $i (0 .. $#want) {
        my $said = $said[$i] // '';
        ref $want[$i] ? like($said, $want[$i], "says: $want[$i]") : is($said, $w->fill("weir.conf:$want[$i]"), "says: $want[$i]");
    }
}

# ---- what does nothing where it stands: a warning, and the configuration is valid
my @idle = (
    [with_upstream("queue = { size = 5; };"), "2: warning: 'queue' does nothing where no server has max_connections, so that none "
        . "is ever full; write max_connections = N;"],
    [with_upstream("max_connections = 3; queue = { size = 5; };")],
    [with_upstream("max_connections = 3; queue = { size = 0;\ntimeout = 1; };"), "3: warning: 'timeout' does nothing with size = 0; remove it"],
    ["defaults = { queue = { size = 9; }; };\n" . with_upstream('')],
    [with_upstream("health = { interval = \"1s\";\nfast_interval = \"2s\"; };"), "3: warning: 'fast_interval' is longer than "
        . "'interval', so that changes are seen later; write a shorter one"],
    [with_upstream("health = { interval = \"2s\"; fast_interval = \"1s\"; };")],
    [with_upstream("circuit_breaker = { max_pending = 5; };"), "2: warning: 'max_pending' does nothing where no request waits; "
        . "write max_connections = N; for the servers"],
    [with_upstream("circuit_breaker = { max_pending = 5; }; max_connections = 1;")],
    ["upstreams = ( { name = \"app\"; balance = \"first\"; slow_start = 5;\nservers = ( \"127.0.0.1:1\",\n{ address = \"127.0.0.1:2\"; weight = 5; },\n"
        . "{ address = \"127.0.0.1:3\"; weight = 0; } ); } );\n$listen\n$site",
        "1: warning: 'slow_start' does nothing with balance = \"first\", which does not go by it; remove it",
        "3: warning: 'weight' does nothing with balance = \"first\", which does not go by it; remove it"],
    [with_upstream("balance = \"source\"; weight = 4; slow_start = 5;"), "2: warning: 'slow_start' does nothing with balance = \"source\" "
        . "and hash_method = \"map\", which does not go by it; remove it"],
    [with_upstream("balance = \"source\"; hash_method = \"consistent\"; weight = 4; slow_start = 5;")],
    [with_route("{ respond = 200; timeouts = {\nread = 5; client_body = 3; }; access_log = { path = \"-\"; buffer = 0; flush = 3; }; },\n"
        . "{ prefix = \"/p\"; proxy = \"app\"; timeouts = { read = 5; }; retry = { tries = 1; budget = 5; }; }"),
        "3: warning: 'flush' does nothing with buffer = 0; remove it",
        "3: warning: 'read' does nothing here, as it is for routes that forward, and this one does not; remove it",
        "4: warning: 'budget' does nothing with tries = 1; remove it"],
    [with_upstream("alert = \"/bin/true\";"), "2: warning: 'alert' does nothing without checks, whose results it tells of; "
        . "write health = { ... };"],
    [with_upstream("alert = \"/bin/true\"; health = \"tcp\";")],
    [with_upstream("sticky = { mode = \"learn\"; cookie = \"c\";\nsecret = \"x\"; };"), "3: warning: 'secret' does nothing with "
        . "\"learn\", which makes no values; remove it"],
    [with_upstream("keepalive = { idle = 0; timeout = 5; };"), "2: warning: 'timeout' does nothing with idle = 0; remove it"],
    ["resolver = \"127.0.0.1\";\nupstreams = ( { name = \"app\"; servers = ( \"127.0.0.1:1\",\n{ address = \"127.0.0.1:2\"; resolve = true; } ); } );"
        . "\n$listen\n$site", "1: warning: 'resolver' does nothing where no server has resolve = true; names are looked up once, by the system",
        "3: warning: 'resolve' does nothing with an address that is no name; remove it"],
    ["listeners = ( { address = \"unix:run/h\"; defer_accept = 5; } );\n$up\n$site",
        "1: warning: 'defer_accept' does nothing on a unix socket; remove it"],
    ["listeners = ( { address = \"127.0.0.1:$pa\"; sites = [ \"a\" ]; } );\n$up\nsites = ( { name = \"a\"; proxy = \"app\"; },\n"
        . "{ name = \"b\"; proxy = \"app\"; } );", "4: warning: no listener serves the site \"b\"; name it in the 'sites' of one"],
    [with_route("{ redirect = \"/x\"; index = \"a\"; listing = true; },\n{ prefix = \"/f\"; root = \"www\"; index = \"a\"; retry = 2; },\n"
        . "{ prefix = \"/p\"; proxy = \"app\"; expires = 5; retry = 2; request_body = { buffer = \"stream\"; memory = 5; }; }"),
        "2: warning: 'index' does nothing here, as it is for routes that serve files, and this one does not; remove it",
        "2: warning: 'listing' does nothing here, as it is for routes that serve files, and this one does not; remove it",
        "3: warning: 'retry' does nothing here, as it is for routes that forward, and this one does not; remove it",
        "4: warning: 'expires' does nothing here, as it is for routes that serve files, and this one does not; remove it",
        "4: warning: 'memory' does nothing with buffer = \"stream\"; remove it"],
    ["$listen\n$up\nsites = ( { proxy = \"app\"; index = \"a\"; listing = false; } );",
        "3: warning: 'index' does nothing here, as it is for routes that serve files, and none of the site does; remove it"],
    ["$listen\n$up\nsites = ( { index = \"a\"; retry = 2; routes = ( { proxy = \"app\"; }, { prefix = \"/f\"; root = \"www\"; } ); } );"],
    ["$listen\n$up\nsites = ( { proxy = \"app\";\nhttps_only = true; } );",
        "4: warning: no listener has tls at port 443, where 'https_only' sends clients; write https_only = PORT, if that is "
        . "not where they reach one from outside"],
    ["listeners = ( { address = \"127.0.0.1:$pa\"; trusted = \"127.0.0.1\"; } );\n$up\nsites = ( { proxy = \"app\"; https_only = true; } );"],
    ["$listen\n$up\nsites = ( { proxy = \"app\"; https_only = false; } );"],
    ["$listen\n$up\nsites = ( { proxy = \"app\"; } );\ndefaults = { https_only = 1; };",
        "4: warning: no listener has tls at port 1, where 'https_only' sends clients; write https_only = PORT, if that is "
        . "not where they reach one from outside"],
    [with_route("{ name = \"x\"; internal = true; respond = 200; }, { root = \"www\"; try = \"\@y\"; }, { name = \"y\"; internal = true; respond = 200; }"),
        "2: warning: no 'try' of the site goes on to \"\@x\", so that this internal route is never reached"],
);
for my $i (@idle) {
    my ($text, @want) = @$i;
    my $r = check($text);
    is($r->{exit}, 0, 'a configuration with warnings is valid') or diag $text;
    is($r->{err}, join('', map { "weir.conf:$_\n" } @want), 'which are: ' . ($want[0] // 'none'));
    like($r->{out}, qr/valid/, 'it is said to be');
    is(check($text, '-T')->{err}, '', '-T is silent of them');
}
# With an error it is the error that counts.
is(check("worker = 1;\n" . with_upstream('queue = { size = 5; };'))->{err},
    "weir.conf:1: unknown setting 'worker' in the file; did you mean 'workers'?\n", 'errors come first');

# ---- one address beside all, and of two sites without hosts each by its listener
is(check("listeners = ( { address = \"*:$pa\"; sites = [ \"x\" ]; }, { address = \"127.0.0.1:$pa\"; sites = [ \"y\" ]; } );\n"
    . "sites = ( { name = \"x\"; respond = 200; }, { name = \"y\"; respond = 201; } );")->{err}, '', 'an address beside "*"');

# ---- includes: lists are appended in name order, nothing else is allowed, duplicates name both files
$w->write('conf.d/20.conf', qq(sites = ( { name = "late"; hosts = "late.test"; proxy = "two"; } );\n));
$w->write('conf.d/10.conf', qq(upstreams = ( { name = "two"; servers = "127.0.0.1:2"; } );\n)
        . qq(sites = ( { name = "early"; hosts = "early.test"; root = "www"; } );\n));
my $main = "$listen\n$up\nsites = ( { name = \"main\"; proxy = \"app\"; } );\n";
my $r = check("include = [ \"conf.d/*.conf\", \"none.d/*.conf\" ];\n$main", '-T');
is($r->{err}, '', 'included files are valid');
like($r->{out}, qr/"main".*"early".*"late"/s, 'in the order of their names');
like($r->{out}, qr/root = "\Q@{[$w->dir]}\E\/www"/, 'paths are relative to the main file');
unlike($r->{out}, qr/^include/m, 'and -T has them in it');
$r = check("include = \"conf.d/no.conf\";\n$main");
is($r->{err}, $w->fill("weir.conf:1: cannot read {{dir}}/conf.d/no.conf: No such file or directory; write a file that is there\n"),
    'a plain name must be there');
$w->write('conf.d/30.conf', qq(workers = 2;\nupstreams = ( { name = "app"; servers = "127.0.0.1:3"; } );\n)
        . qq(sites = ( { name = "main"; proxy = "two"; hosts = "early.test"; } );\n));
$r = check("include = [ \"conf.d/*.conf\" ];\n$main");
is($r->{err}, $w->fill(<<'ERR'), 'what included files may not hold, and duplicates over files');
conf.d/30.conf:1: 'workers' may not stand in an included file; it belongs in the main file
conf.d/30.conf:2: the upstream "app" is defined twice, first at {{dir}}/weir.conf:3; keep one of them
conf.d/30.conf:3: the site "main" is defined twice, first at {{dir}}/weir.conf:4; rename one
conf.d/30.conf:3: the host "early.test" is on one listener twice, first in the site at {{dir}}/conf.d/10.conf:2; keep one of them
ERR

$w->write('conf.d/30.conf', qq|upstreams = ( { name = "gone"; servers = "127.0.0.1:3"; } );\nsites = ( {|);
$r = check("include = [ \"conf.d/*.conf\" ];\n$listen\n$up\nsites = ( { proxy = \"gone\"; cahce = 1; } );");
is($r->{err}, $w->fill(<<'ERR'), 'what may be in a file that cannot be read is not missed');
weir.conf:4: unknown setting 'cahce' in a site; did you mean 'cache'?
conf.d/30.conf:2: '{' is not closed; write the '}' that ends it
conf.d/30.conf:2: '(' is not closed; write the ')' that ends it
ERR

# ---- the workers' user, and addresses that others have
SKIP: {
    skip 'not root', 5 if $> != 0;
    mkdir $w->dir . '/closed';
    chmod 0700, $w->dir . '/closed';
    my $text = qq(user = "nobody";\n$listen\nsites = ( { root = "closed"; routes = ( { prefix = "/a"; } ); } );\n);
    $r = check($text);
    is($r->{err}, $w->fill("weir.conf:3: 'root' cannot be used: the user \"nobody\" may not search {{dir}}/closed; "
        . "write `chmod o+x` for it or another user\n"), 'a root that workers may not search');
    chmod 0711, $w->dir . '/closed';
    is(check($text)->{err}, '', 'searching is enough to serve its files');
    $text =~ s/"closed";/"closed"; listing = true;/;
    is(check($text)->{err}, $w->fill("weir.conf:3: 'root' cannot be listed: the user \"nobody\" may not read {{dir}}/closed; "
        . "write `chmod o+r` for it or listing = false\n"), 'but not to list them');
    chmod 0755, $w->dir . '/closed';
    is(check($text)->{err}, '', 'reading is');
    chmod 0700, $w->dir . '/closed';
    $text =~ s/nobody/root/;
    is(check($text)->{err}, '', 'root may all');
}
$r = check("listeners = ( \"127.0.0.1:$pb\",\n\"192.0.2.1:$pc\" );\n$up\n$site");
is($r->{err}, "weir.conf:2: cannot listen on 192.0.2.1:$pc: Cannot assign requested address; write an address that this "
    . "machine has\n", 'an address of another machine');
{
    my $other = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $pd, Listen => 5, ReuseAddr => 1,
        ReusePort => 1) or die "listen: $!";
    my $text = "listeners = ( \"127.0.0.1:$pd\" );\n$up\n$site";
    $r = check($text);
    is($r->{exit}, 1, 'an address in use is an error');
    like($r->{err}, qr/^weir\.conf:1: cannot listen on 127\.0\.0\.1:$pd(?: is in use by process $$ \(\S+\)|: Address already in use); /,
        'which says by whom');
    is(check($text, '-T')->{exit}, 0, '-T does not ask');
}

# ---- levels, as -T shows them
$r = check(<<"CONF", '-T');
$listen
defaults = { timeouts = { read = "7s"; send = "8s"; }; keepalive = { idle = 3; }; weight = 4; root = "www";
  response_headers = { set = { X-A = "1"; X-B = "1"; }; }; index = [ "d.html" ]; };
upstreams = ( { name = "app"; max_connections = 9; keepalive = { timeout = "9s"; };
  servers = ( "127.0.0.1:1", { address = "127.0.0.1:2"; weight = 5; } ); } );
sites = ( { name = "s"; timeouts = { read = "5s"; }; response_headers = { remove = "x-a"; add = { X-C = "2"; }; };
  routes = ( { prefix = "/one"; timeouts = { connect = 1; }; }, { prefix = "/two"; proxy = "app"; index = "r.html";
    response_headers = { set = { X-C = "3"; }; }; }, { prefix = "/three"; proxy = "app"; response_headers = { inherit = false; }; } ); } );
CONF
is($r->{err}, '', 'levels are valid');
my ($one, $two, $three) = $r->{out} =~ /prefix = "\/one"(.*)prefix = "\/two"(.*)prefix = "\/three"(.*)/s;
like($one, qr/^\s+timeouts = \{\s+connect = "1s";\s+};$/m, 'a group is joined member by member: what differs is shown');
like($r->{out}, qr/^sites = .*name = "s";.*timeouts = \{\s+read = "5s";\s+};\s+/ms, 'at each level');
like($r->{out}, qr/^defaults = \{.*timeouts = \{\s+connect = "5s";\s+send = "8s";\s+read = "7s";/ms, 'all of them once');
like($one, qr/root = "\Q@{[$w->dir]}\E\/www"/, 'a route without an action has the root of the defaults');
unlike($two, qr/root = /, 'one with an action has not');
unlike($one, qr/index = /, 'a list is inherited');
like($two, qr/index = \( "r\.html" \)/, 'or replaced');
like($r->{out}, qr/response_headers = \{ inherit = false; remove = \( "x-a" \); set = \( \{ name = "X-B"; value = "1"; } \); add = \( \{ name = "X-C"/,
    'header operations add up, outer first');
like($two, qr/set = \( \{ name = "X-B"; value = "1"; }, \{ name = "X-C"; value = "3"; } \); }/, 'a later one replaces those before');
like($three, qr/response_headers = \{ inherit = false; }/, 'inherit = false drops the outer ones');
my ($app) = $r->{out} =~ /^upstreams = (.*?)^sites/ms;
like($app, qr/\(\s+\{\s+address = "127\.0\.0\.1:1";\s+}, \{\s+address = "127\.0\.0\.1:2";\s+weight = 5;\s+}\s+\);/,
    'servers inherit');
like($app, qr/keepalive = \{\s+timeout = "9s";\s+};\s+max_connections = 9;/, 'upstreams inherit');
like($r->{out}, qr/^defaults = \{.*keepalive = \{\s+idle = 3;\s+timeout = "1m";.*weight = 4;/ms, 'from the defaults');
like($r->{out}, qr/^defaults = \{.*listing = false;.*forwarded = true;/ms, 'which are complete');

# ---- what README says is not in this version
{
    open my $in, '<', "$FindBin::Bin/../README" or die "README: $!\n";
    my ($list) = join('', <$in>) =~ /^Not in this version.*?\n\n(.*?)\n\n/ms or die "README has no list\n";
    my %names;
    for my $part (split /\n(?= {4}\S)/, $list) {
        my ($where, $what) = $part =~ /\A {4}(\w.*?\w) {2,}(.*)\z/s or die "another line: $part\n";
        $what =~ s/\(.*?\)|;.*//sg;
        $names{$where} = [$what =~ /(\w+)/g];
    }
    my %with = (
        'in a file'     => sub { "$_[0]\n$listen\n$up\n$site" },
        'in a listener' => sub { "listeners = ( { address = \"127.0.0.1:$pa\"; $_[0] } );\n$up\n$site" },
        'in an upstream' => \&with_upstream,
        'in a route'     => sub { with_route("{ proxy = \"app\"; $_[0] }") },
    );
    for my $where (grep { $names{$_} } sort keys %with) {
        my @silent = grep { check($with{$where}->("$_ = true;"))->{err} !~ /'$_' is not in this version of Weir/ } @{$names{$where}};
        is("@silent", '', "README: $where");
        my @wrong = grep { check($with{$where}->("$_ = false;"))->{exit} != 0 } @{$names{$where}};
        is("@wrong", '', 'false is taken');
    }
    my %is_told = map { $_ => 1 } map { @$_ } grep { $_ } @names{keys %with};
    my %known;
    for my $file (glob "$FindBin::Bin/../src/core/config/settings_*.c") {
        open my $source, '<', $file or die "$file: $!\n";
        $known{$_} = 1 for join('', <$source>) =~ /SETTINGS_LATER\("(\w+)"/g;
    }
    is(join(' ', sort keys %known), join(' ', sort keys %is_told), 'and no other');
    my @there = grep { $w->run($_)->{err} !~ /"$_" is not in this version/ } @{$names{commands}};
    is(scalar @{$names{commands}}, 3, 'three commands');
    is("@there", '', 'are not there');
}

# ---- the configuration that comes with Weir
$r = $w->run('-t', '-c', "$FindBin::Bin/../conf/weir.conf");
is($r->{err}, '', 'conf/weir.conf is valid');

$r = $w->run('-t', '-c', '{{dir}}/nothing.conf');
is($r->{exit}, 1, 'a file that is not there');
like($r->{err}, qr/nothing\.conf.*No such file/, 'is named');

done_testing;
