package Site;

# The little server that the Perl programs in this directory share: listens on a
# loopback port, forks one child for each connection, and calls the program's
# handler for each request. Not for production: it is a demo and a test fixture.
#
#   use FindBin; use lib $FindBin::Bin, "$FindBin::Bin/../lib"; use Site;
#   Site::serve($port, sub { my ($conn, $req) = @_; Site::answer($conn, $req, 200, [...], $body) });
#
# The server ends by itself when its parent is gone, and after half an hour.

use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();
use Weir::Client qw(header);

use constant LIFETIME => 1800;

my %reason = (200 => 'OK', 201 => 'Created', 204 => 'No Content', 302 => 'Found', 303 => 'See Other',
    304 => 'Not Modified', 400 => 'Bad Request', 403 => 'Forbidden', 404 => 'Not Found',
    405 => 'Method Not Allowed');

# serve(PORT, HANDLER): HANDLER($conn, $request) returns true to keep the connection.
sub serve {
    my ($port, $handler) = @_;
    my $parent = getppid;
    my $sock   = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'tcp',
        Listen => 128, ReuseAddr => 1) or die "listen on $port: $!\n";
    my $end = time + LIFETIME;
    $SIG{PIPE} = 'IGNORE';
    while (getppid == $parent && time < $end) {
        1 while waitpid(-1, POSIX::WNOHANG()) > 0;
        my $ready = '';
        vec($ready, fileno $sock, 1) = 1;
        next if select($ready, undef, undef, 0.5) < 1;
        my $client = $sock->accept or next;
        my $pid    = fork;
        if (defined $pid && !$pid) {
            close $sock;
            alarm 300;
            eval { connection($client, $handler); 1 } or print {*STDERR} "site: $@";
            POSIX::_exit(0);
        }
        close $client;
    }
    return;
}

sub connection {
    my ($sock, $handler) = @_;
    my $conn = Weir::Client->new(sock => $sock, timeout => 60);
    while (my $req = $conn->read_request) {
        return if !$req->{complete};
        $req->{path}  = $req->{target} =~ s/\?.*//sr;
        $req->{query} = form($req->{target} =~ /\?(.*)/s ? $1 : '');
        my $keep = $handler->($conn, $req);
        return if !$keep || lc(header($req, 'connection') // '') eq 'close';
    }
    return;
}

# answer(CONN, REQUEST, STATUS, [NAME => VALUE...], BODY): true, the connection stays.
sub answer {
    my ($conn, $req, $status, $fields, $body) = @_;
    my @f = @{$fields // []};
    my $out = "HTTP/1.1 $status $reason{$status}\r\n";
    while (my ($n, $v) = splice @f, 0, 2) {
        $out .= "$n: $v\r\n";
    }
    if ($status != 204 && $status != 304) {
        $out .= 'Content-Length: ' . length($body // '') . "\r\n";
    }
    $out .= "\r\n";
    $out .= $body // '' if $req->{method} ne 'HEAD' && $status != 204 && $status != 304;
    $conn->send($out);
    return 1;
}

# form(TEXT): the names and values of a query or an urlencoded body.
sub form {
    my ($text) = @_;
    my %f;
    for my $pair (split /&/, $text) {
        my ($n, $v) = map { tr/+/ /r =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger } split /=/, $pair, 2;
        $f{$n} = $v // '' if defined $n;
    }
    return \%f;
}

# The cookies of a request.
sub cookies {
    my ($req) = @_;
    return {map { /\A\s*([^=\s]+)=(.*?)\s*\z/ ? ($1 => $2) : () } split /;/, header($req, 'cookie') // ''};
}

sub escape {
    my ($text) = @_;
    my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');
    return $text =~ s/([&<>"])/$entity{$1}/gr;
}

1;
