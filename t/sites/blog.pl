#!/usr/bin/env perl

# A site as a content system makes it: pages with relative links, a style sheet
# with an ETag, a login with a cookie and absolute redirects made from Host and
# X-Forwarded-Proto, and an upload form. blog.php is the same site in PHP.
#
#   blog.pl PORT DIR      keeps uploads in DIR

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use Site;
use Weir::Client qw(header);

my ($port, $dir) = @ARGV;
die "usage: blog.pl PORT DIR\n" if !defined $dir || !-d $dir;

my $style = "body { font-family: sans-serif; max-width: 40em; margin: 2em auto }\nh1 { color: #246 }\n";
my $etag  = sprintf '"s-%d"', length $style;

sub page {
    my ($title, $up, $body) = @_;
    return <<"HTML";
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title>
<link rel="stylesheet" href="${up}style.css"></head>
<body><h1>$title</h1>
$body
<p><a href="${up}./">Home</a> <a href="${up}post/1">First post</a> <a href="${up}admin/">Admin</a></p>
</body></html>
HTML
}

sub html {
    my ($conn, $req, $status, $body, @fields) = @_;
    return Site::answer($conn, $req, $status, ['Content-Type' => 'text/html; charset=utf-8', @fields], $body);
}

# As content systems do: an absolute URL of what the visitor sees.
sub location {
    my ($req, $path) = @_;
    my $scheme = header($req, 'x-forwarded-proto') // 'http';
    return "$scheme://" . header($req, 'host') . $path;
}

sub login {
    my ($conn, $req) = @_;
    if ($req->{method} eq 'POST') {
        my $f = Site::form($req->{body});
        return html($conn, $req, 403, page('Wrong password', '', '<p>Try again.</p>'))
            if ($f->{user} // '') ne 'ada' || ($f->{password} // '') ne 'engine & co';
        return Site::answer($conn, $req, 302, [
            'Set-Cookie' => 'blog_session=ada-1815; Path=/; HttpOnly; SameSite=Lax',
            'Set-Cookie' => 'blog_seen=1; Path=/; Max-Age=3600',
            Location     => location($req, '/admin/'),
        ], '');
    }
    return html($conn, $req, 200, page('Login', '', <<'HTML'));
<form method="post" action="login"><input name="user"><input name="password" type="password">
<button>Log in</button></form>
HTML
}

# A multipart body with one file (RFC 7578): its name and bytes.
sub upload_of {
    my ($req) = @_;
    my ($boundary) = (header($req, 'content-type') // '') =~ /boundary="?([^";]+)/ or return;
    for my $part (split /(?:\A|\r\n)--\Q$boundary\E(?:\r\n|--\r\n\z|--\z)/, $req->{body}) {
        my ($head, $body) = $part =~ /\A(.*?)\r\n\r\n(.*)\z/s or next;
        return ($1, $body) if $head =~ /filename="([A-Za-z0-9._-]+)"/;
    }
    return;
}

sub admin {
    my ($conn, $req) = @_;
    if ((Site::cookies($req)->{blog_session} // '') ne 'ada-1815') {
        return Site::answer($conn, $req, 302, [Location => location($req, '/login')], '');
    }
    if ($req->{path} eq '/admin/upload' && $req->{method} eq 'POST') {
        my ($name, $bytes) = upload_of($req);
        return html($conn, $req, 400, page('No file', '../', '')) if !defined $name;
        open my $fh, '>:raw', "$dir/$name" or die "$dir/$name: $!\n";
        print {$fh} $bytes;
        close $fh or die "$name: $!\n";
        return Site::answer($conn, $req, 303, [Location => "../files/$name"], '');
    }
    return html($conn, $req, 200, page('Hello ada', '../', <<'HTML'));
<form method="post" action="upload" enctype="multipart/form-data"><input type="file" name="f">
<button>Upload</button></form><p><a href="../logout">Log out</a></p>
HTML
}

# Keeps a browser's page from being complete until its script has said that it is done.
sub browser_wait {
    my ($conn, $req) = @_;
    for (1 .. 150) {
        last if unlink "$dir/browser-done";
        select undef, undef, undef, 0.1;
    }
    return Site::answer($conn, $req, 204, []);
}

my %page = (
    '/' => sub {
        my $who = Site::escape($_[1]{query}{name} // 'visitor');
        html(@_, 200, page('A small blog', '', "<p>Welcome, $who.</p>"));
    },
    '/style.css' => sub {
        my ($conn, $req) = @_;
        my $same = (header($req, 'if-none-match') // '') eq $etag;
        Site::answer($conn, $req, $same ? 304 : 200,
            ['Content-Type' => 'text/css', ETag => $etag, 'Cache-Control' => 'max-age=60'], $style);
    },
    '/login'  => \&login,
    '/logout' => sub {
        Site::answer(@_, 302, ['Set-Cookie' => 'blog_session=; Path=/; Max-Age=0', Location => '/'], '');
    },
    '/admin'        => sub { Site::answer(@_, 302, [Location => location($_[1], '/admin/')], '') },
    '/admin/'       => \&admin,
    '/admin/upload' => \&admin,
    '/browser' => sub {
        open my $fh, '<:raw', "$FindBin::Bin/browser.html" or die "browser.html: $!\n";
        html(@_, 200, do { local $/; <$fh> });
    },
    '/browser-wait' => \&browser_wait,
    '/browser-done' => sub {
        open my $fh, '>', "$dir/browser-done" or die "browser-done: $!\n";
        close $fh;
        Site::answer(@_, 204, []);
    },
);

Site::serve($port, sub {
    my ($conn, $req) = @_;
    return $page{$req->{path}}->($conn, $req) if $page{$req->{path}};
    if ($req->{path} =~ m{\A/post/(\d{1,4})\z}) {
        my $next = $1 + 1;
        my $text = qq{<p>Text, <a href="../post/$next">more</a>.</p>};
        return html($conn, $req, 200, page("Post $1", '../', $text));
    }
    if ($req->{path} =~ m{\A/files/([A-Za-z0-9_-][A-Za-z0-9._-]*)\z} && open my $fh, '<:raw', "$dir/$1") {
        local $/;
        return Site::answer($conn, $req, 200, ['Content-Type' => 'application/octet-stream'], scalar <$fh>);
    }
    return html($conn, $req, 404, page('Not found', '/', '<p>There is no such page.</p>'));
});
