#!/usr/bin/env perl

# A JSON API: items, a body in chunks, server-sent events. It knows nothing of
# the /api under which the proxy shows it. api.js is the same on Node.
#
#   api.pl PORT DIR      keeps the items in DIR

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use JSON::PP ();
use Site;
use Weir::Client qw(header);

my ($port, $dir) = @ARGV;
die "usage: api.pl PORT DIR\n" if !defined $dir || !-d $dir;
my $json = JSON::PP->new->utf8->canonical;

sub json {
    my ($conn, $req, $status, $value, @fields) = @_;
    my @all = ('Content-Type' => 'application/json', @fields);
    return Site::answer($conn, $req, $status, \@all, $json->encode($value));
}

sub item_write {
    my ($item) = @_;
    open my $fh, '>:raw', "$dir/item-$item->{id}" or die "item: $!\n";
    print {$fh} $json->encode($item);
    return close $fh;
}

sub item_read {
    my ($id) = @_;
    open my $fh, '<:raw', "$dir/item-$id" or return;
    local $/;
    return $json->decode(scalar <$fh>);
}

sub create {
    my ($conn, $req) = @_;
    my $item = eval { $json->decode($req->{body}) };
    return json($conn, $req, 400, {error => 'not JSON'}) if ref $item ne 'HASH';
    $item->{id} = 1;
    $item->{id}++ while -e "$dir/item-$item->{id}";
    item_write($item);
    return json($conn, $req, 201, $item, Location => 'http://' . header($req, 'host') . "/items/$item->{id}");
}

# Five pieces of ten bytes, 60 ms apart, without a length.
sub stream {
    my ($conn, $req) = @_;
    $conn->send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
    for my $n (1 .. 5) {
        select undef, undef, undef, 0.06;
        $conn->send("a\r\npiece $n  \n\r\n") or return 0;
    }
    $conn->send("0\r\n\r\n");
    return 1;
}

sub events {
    my ($conn, $req) = @_;
    $conn->send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
            . "Connection: close\r\n\r\n");
    for my $n (1 .. 500) {
        select undef, undef, undef, 0.06;
        my $event = "id: $n\ndata: tick $n\n\n";
        last if $conn->send($event) != length $event;
    }
    return 0;
}

item_write({id => 1, name => 'shovel'});
item_write({id => 2, name => 'hoe'});

Site::serve($port, sub {
    my ($conn, $req) = @_;
    my ($path, $method) = @$req{qw(path method)};
    if ($path eq '/items' && $method eq 'GET') {
        my @ids = sort { $a <=> $b } map { /item-(\d+)\z/ ? $1 : () } glob "$dir/item-*";
        return json($conn, $req, 200, [map { item_read($_) } @ids]);
    }
    return create($conn, $req) if $path eq '/items' && $method eq 'POST';
    if ($path =~ m{\A/items/(\d{1,6})\z} && (my $item = item_read($1))) {
        return json($conn, $req, 200, $item) if $method eq 'GET';
        return Site::answer($conn, $req, 204, []) if $method eq 'DELETE' && unlink "$dir/item-$1";
    }
    if ($path eq '/echo') {
        my %fields = map { lc $_->[0] => $_->[1] } @{$req->{headers}};
        return json($conn, $req, 200, {method => $method, url => $req->{target}, headers => \%fields,
            length => length $req->{body}});
    }
    return stream($conn, $req) if $path eq '/stream';
    return events($conn, $req) if $path eq '/events';
    return json($conn, $req, 404, {error => 'no such thing'});
});
