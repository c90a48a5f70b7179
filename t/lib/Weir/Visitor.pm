package Weir::Visitor;

# A client that asks all the time, one request after the other, and writes down what it
# saw: a line "TIME ok BODY" or "TIME bad WHY" for each. Run in another network namespace:
#
#   perl -It/lib -MWeir::Visitor -e 'Weir::Visitor::run(@ARGV)' HOST PORT new|kept FILE
#
# "new" makes a connection for each request, "kept" keeps one until it fails. It waits a
# quarter of a second for a connection or an answer, then tries again. seen() reads the file.

use strict;
use warnings;
use Time::HiRes qw(CLOCK_MONOTONIC clock_gettime);
use Weir::Client qw(request_bytes);

sub now { return clock_gettime(CLOCK_MONOTONIC) }

sub run {
    my ($host, $port, $how, $file) = @_;
    open my $out, '>>', $file or die "$file: $!\n";
    my $parent = getppid;
    my $client;
    while (getppid == $parent) {
        my $r = eval {
            $client //= Weir::Client->new(host => $host, port => $port, timeout => 0.25);
            $client->send(request_bytes(GET => '/', [$how eq 'new' ? (Connection => 'close') : ()]));
            $client->read_response;
        };
        my $well = $r && !$r->{error} && ($r->{status} // 0) == 200;
        my $what = $well ? "ok $r->{body}" : 'bad ' . ($r ? $r->{error} // $r->{status} // 'nothing' : $@);
        syswrite $out, sprintf "%.4f %s\n", now(), $what =~ s/\s+/ /gr;
        undef $client if $how eq 'new' || !$well;
        select undef, undef, undef, 0.02;
    }
    return;
}

# The lines of a file since TIME: [time, well, body or why].
sub seen {
    my ($file, $since) = @_;
    open my $in, '<', $file or return;
    my @seen = map { /\A(\S+) (ok|bad) (.*?)\s*\n/ ? [$1, $2 eq 'ok', $3] : () } readline $in;
    return grep { $_->[0] >= ($since // 0) } @seen;
}

# The last N answers since TIME were all well; their bodies, as BODY => count. Else undef.
sub well {
    my ($file, $since, $n) = @_;
    my @seen = seen($file, $since);
    return if @seen < $n;
    my %count;
    for (@seen[-$n .. -1]) {
        return if !$_->[1];
        $count{$_->[2]}++;
    }
    return \%count;
}

# Since TIME: the longest time without a good answer, in ms, and how many bad ones there were.
sub gap {
    my ($file, $since) = @_;
    my ($last, $longest, $bad) = (undef, 0, 0);
    for (seen($file)) {
        $bad++ if !$_->[1] && $_->[0] >= $since;
        next if !$_->[1];
        $longest = $_->[0] - $last if defined $last && $_->[0] >= $since && $_->[0] - $last > $longest;
        $last = $_->[0];
    }
    return (int(1000 * $longest + 0.5), $bad);
}

1;
