#!/usr/bin/env perl

# Where caches keep what they store: the limit on their size, what is there still after a restart or after everything was
# killed, a janitor that dies, files that a dead process left, directories that vanish, cannot be written to or are full,
# and caches in memory.

use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;
use Weir::Client qw(header);

my $conf = <<'CONF';
workers = 2;
pid_file = "{{dir}}/pid";
control = "unix:{{dir}}/control";
state_dir = "{{dir}}/state";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
caches = ( { name = "store"; path = "{{path}}"; size = "{{size}}"; memory = "0"; default_ttl = "1h"; } );
listeners = ( { address = "127.0.0.1:{{http}}"; } );
upstreams = ( { name = "up"; servers = ( "127.0.0.1:{{up}}" ); } );
sites = ( { name = "s"; routes = ( { prefix = "/"; proxy = "up"; cache = "store"; } ); } );
CONF

# What the upstream sends for /NAME/BYTES.
sub body_of {
    my ($target) = @_;
    my ($bytes) = $target =~ m{/(\d+)\z} or return "ok\n";
    my $unit = sha256_hex($target);
    return substr $unit x ($bytes / length($unit) + 1), 0, $bytes;
}

sub serve {
    my ($conn, $req) = @_;
    my $body = body_of($req->{target});
    $conn->send("HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
    return 1;
}

sub instance {
    my (%o) = @_;
    my $w = Weir->new(ports => [qw(http up)], fill => {size => $o{size} // '4m', path => $o{path} // ''});
    $w->{fill}{path} = "$w->{dir}/cache" if !$o{path};
    $w->conf($conf);
    my $up = $w->upstream('up', \&serve, brief => 1);
    return ($w, $up);
}

# How the cache got it: "hit", "uri-miss" ...; "wrong" where the answer is not what the upstream sends.
sub ask {
    my ($w, $target, $client) = @_;
    my $own = $client // $w->client('http');
    $own->send("GET $target HTTP/1.1\r\nHost: x\r\n\r\n");
    my $r = $own->read_response;
    return 'none' if !$r;
    return "status $r->{status}" if $r->{status} != 200;
    return 'wrong' if $r->{body} ne body_of($target);
    my $status = header($r, 'cache-status') // '';
    return 'hit' if $status =~ /\bhit\b/;
    return $status =~ /fwd=([\w-]+)/ ? $1 : "no status: $status";
}

# Objects FROM to TO of 4,000 bytes, all asked for once: how many answers were not right.
sub fill {
    my ($w, $prefix, $from, $to) = @_;
    my $client = $w->client('http');
    my $wrong  = 0;
    for my $i ($from .. $to) {
        my $how = ask($w, "/$prefix$i/4000", $client);
        $wrong++ if $how !~ /miss|hit/;
    }
    return $wrong;
}

# Bytes of the files of objects, in whole pages.
sub held {
    my ($path) = @_;
    my $bytes = 0;
    for my $file (glob "$path/???/?????????????????????????????") {
        my $n = -s $file // next;
        $bytes += int(($n + 4095) / 4096) * 4096;
    }
    return $bytes;
}

sub janitor {
    my ($w) = @_;
    for my $pid ($w->children) {
        open my $fh, '<', "/proc/$pid/comm" or next;
        return $pid if <$fh> =~ /janitor/;
    }
    return;
}

# Kills all processes at once and waits for their end.
sub kill_all {
    my ($w) = @_;
    my @all = $w->children;
    $w->allow(qr/the master is gone; serving on/);
    $w->kill;
    return Weir::wait_for(sub { !CORE::kill 0 => @all });
}

subtest 'the limit is kept' => sub {
    my ($w, $up) = instance();
    my $path = "$w->{dir}/cache";
    $w->start;
    ok(Weir::wait_for(sub { janitor($w) }), 'the janitor is a process with a name');
    is(fill($w, 'a', 1, 1200), 0, 'more than fits is answered');
    my $most = 4 * 1024 * 1024;
    cmp_ok(held($path), '<=', $most * 1.05, 'what is stored is within 5 percent of the limit');
    ok(Weir::wait_for(sub { held($path) <= $most }), 'and soon below it');
    cmp_ok(held($path), '>=', $most * 0.8, 'the room is used');
    ok(Weir::wait_for(sub { ask($w, '/new/4000') eq 'hit' }), 'what is new is stored');

    # One that is often asked for stays, while many are asked for once.
    ask($w, '/often/4000') for 1 .. 12;
    is(fill($w, 'b', 1, 300), 0, 'others come');
    ask($w, '/often/4000') for 1 .. 4;
    is(fill($w, 'b', 301, 600), 0, 'and others');
    is(ask($w, '/often/4000'), 'hit', 'what is often asked for is kept');

    my $first = janitor($w);
    CORE::kill KILL => $first;
    $w->allow(qr/janitor 0 \[$first\] was ended by signal 9; another one is started/);
    ok($w->wait_log(qr/janitor 0 \[$first\] was ended/), 'a janitor that dies is seen');
    ok(Weir::wait_for(sub { my $j = janitor($w); $j && $j != $first }), 'and replaced');
    is(fill($w, 'c', 1, 600), 0, 'more comes');
    cmp_ok(held($path), '<=', $most * 1.05, 'the next one keeps the limit');
    ok(Weir::wait_for(sub { held($path) <= $most }), 'in the same way');
    cmp_ok(held($path), '>=', $most * 0.8, 'and no more than that');

    my $before = held($path);
    $w->signal('HUP');
    ok($w->wait_log(qr/Generation 2 serves/), 'reloaded');
    is(fill($w, 'd', 1, 600), 0, 'more comes to the next generation');
    cmp_ok(held($path), '<=', $most * 1.05, 'whose janitor keeps the limit');
    cmp_ok(held($path), '>=', $most * 0.8, 'and no more than that');
    $w->stop_ok;

    # The sizes are known at the start, without a look at the files.
    $w->start;
    is(fill($w, 'e', 1, 300), 0, 'more comes after a restart');
    cmp_ok(held($path), '<=', $most * 1.05, 'the limit holds then');
    $w->stop_ok;
    unlink "$path/summary" or die "no summary: $!";
    $w->start;
    is(fill($w, 'f', 1, 300), 0, 'more comes after a restart without the summary');
    ok(Weir::wait_for(sub { held($path) <= $most }), 'the limit holds then too');
    cmp_ok(held($path), '>=', $most * 0.8, 'and what was there was counted, not dropped');
    $w->stop_ok;
    $up->stop;
};

subtest 'what is stored outlives the processes' => sub {
    my ($w, $up) = instance(size => '64m');
    $w->start;
    is(ask($w, "/$_"),   'uri-miss', "$_ is new")  for qw(small/100 page/5000 large/300000);
    is(ask($w, "/$_"),   'hit',      "$_ is kept") for qw(small/100 page/5000 large/300000);
    $w->stop_ok;
    $w->start;
    is(ask($w, "/$_"), 'hit', "$_ is there after a restart") for qw(small/100 page/5000 large/300000);
    is(ask($w, '/later/5000'), 'uri-miss', 'something new');
    kill_all($w);
    $w->start;
    is(ask($w, "/$_"), 'hit', "$_ is there after all were killed") for qw(small/100 page/5000 large/300000 later/5000);
    is(scalar(grep { $_->{target} =~ m{^/(?:small|page|large)} } $up->seen), 3, 'the upstream was asked once for each');

    # A truncated file and one of other bytes: asked for anew, never served.
    for my $file (grep { -s > 4096 && -s _ < 20000 } glob "$w->{dir}/cache/???/?????????????????????????????") {
        truncate $file, 4096 or die "$file: $!";
    }
    $w->allow(qr/cache "store"/);
    is(ask($w, '/page/5000'), 'uri-miss', 'a file that was cut is not served');
    is(ask($w, '/page/5000'), 'hit',      'and replaced');
    $w->stop_ok;
    $up->stop;
};

subtest 'what dead processes left' => sub {
    my ($w, $up) = instance();
    my $path = "$w->{dir}/cache";
    $w->start;
    is(ask($w, '/x/100'), 'uri-miss', 'the directory is there');
    $w->stop_ok;
    my @stat = split ' ', (do { open my $fh, '<', "/proc/$$/stat" or die; <$fh> =~ s/.*\)//sr });
    my %file = (dead => "$path/000/tmp.4194303.12345.1", alive => "$path/000/tmp.$$.$stat[19].1");
    my $owner = (stat $path)[4];
    mkdir "$path/000", 0700;
    chown $owner, -1, "$path/000";
    for my $name (values %file) {
        open my $fh, '>', $name or die "$name: $!";
        print {$fh} 'x' x 1000;
        close $fh;
        utime time - 60, time - 60, $name;
        chown $owner, -1, $name;
    }
    $w->start;
    ok(Weir::wait_for(sub { !-e $file{dead} }), 'a temporary file of a process that is gone is removed');
    ok(-e $file{alive}, 'that of one that is there is not');
    is(ask($w, '/x/100'), 'hit', 'objects are not touched');
    $w->stop_ok;
    $up->stop;
};

subtest 'a directory that is removed' => sub {
    my ($w, $up) = instance();
    my $path = "$w->{dir}/cache";
    $w->start;
    is(ask($w, '/x/100'), 'uri-miss', 'stored');
    is(ask($w, '/x/100'), 'hit',      'there');
    $w->allow(qr/cache "store"/);
    remove_tree($path);
    is(ask($w, "/n$_/100"), 'uri-miss', "answered without it: $_") for 1 .. 20;
    chmod 0755, $w->{dir};
    if ($> == 0) {
        # It can only be made again by who may write beside it.
        mkdir $path, 0700;
        chown((getpwnam('nobody'))[2, 3], $path);
    }
    ok(Weir::wait_for(sub { ask($w, '/y/100') eq 'hit' }), 'stored again');
    my @lines = grep { /cache "store"/ } $w->log_lines;
    cmp_ok(scalar @lines, '<=', 4, 'without a flood of lines') or diag(@lines);
    $w->stop_ok;
    $up->stop;
};

# A tmpfs for the rest of the subtest, or a reason why not.
sub with_tmpfs {
    my ($size, $code) = @_;
    return plan skip_all => 'only root can mount' if $> != 0;
    my $dir = File::Temp->newdir('weir-test-XXXXXX', TMPDIR => 1);
    chmod 0755, "$dir";
    mkdir "$dir/fs";
    return plan skip_all => 'no tmpfs can be mounted here'
        if system("mount -t tmpfs -o size=$size,mode=0755 weir-test '$dir/fs' 2>/dev/null") != 0;
    eval { $code->("$dir/fs"); 1 } or fail("died: $@");
    system "umount -l '$dir/fs'";
    return;
}

subtest 'a disk that is full' => sub {
    with_tmpfs(
        '2m',
        sub {
            my ($fs) = @_;
            my ($w, $up) = instance(path => "$fs/cache", size => '8m');
            $w->allow(qr/cache "store"/);
            $w->start;
            is(fill($w, 'a', 1, 600), 0, 'all is answered right');
            ok($w->wait_log(qr/cache "store": its disk has not the room for 'size' = 8 MB/), 'the log says it');
            ok(Weir::wait_for(sub { ask($w, '/new/4000') eq 'hit' }), 'it is used as far as it has room');
            open my $fh, '>', "$fs/other" or die;
            syswrite $fh, 'x' x 65536 for 1 .. 40;
            is(ask($w, "/big$_/100000"), 'uri-miss', "a large one is answered: $_") for 1 .. 10;
            is(fill($w, 'b', 1, 50), 0, 'small ones too');
            truncate $fh, 0;
            ok(Weir::wait_for(sub { ask($w, '/again/4000') eq 'hit' }), 'when there is room it is used again');
            my @lines = grep { /cache "store"/ } $w->log_lines;
            cmp_ok(scalar @lines, '<=', 6, 'without a flood of lines') or diag(join "\n", @lines);
            my @left = glob "$fs/cache/???/tmp.*";
            is("@left", '', 'no temporary file is left');
            $w->stop_ok;
            $up->stop;
        }
    );
};

subtest 'a disk that is read-only' => sub {
    with_tmpfs(
        '8m',
        sub {
            my ($fs) = @_;
            my ($w, $up) = instance(path => "$fs/cache", size => '4m');
            $w->allow(qr/cache "store"/);
            $w->start;
            is(ask($w, '/kept/4000'), 'uri-miss', 'stored before');
            is(system("mount -o remount,ro '$fs'"), 0, 'read-only from now on');
            is(ask($w, '/kept/4000'), 'hit', 'what is there is served');
            is(ask($w, "/n$_/4000"), 'uri-miss', "what is not is answered: $_") for 1 .. 20;
            ok($w->wait_log(qr/cache "store": .*Read-only file system/), 'the log says it');
            my @lines = grep { /cache "store"/ } $w->log_lines;
            cmp_ok(scalar @lines, '<=', 4, 'without a flood of lines') or diag(join "\n", @lines);
            is(system("mount -o remount,rw '$fs'"), 0, 'and no longer');
            ok(Weir::wait_for(sub { ask($w, '/again/4000') eq 'hit' }), 'stored again');
            $w->stop_ok;
            is(system("mount -o remount,ro '$fs'"), 0, 'read-only at the start');
            $w->start;
            is(ask($w, '/kept/4000'), 'hit', 'what is there is served');
            is(ask($w, "/m$_/4000"), 'uri-miss', "what is not is answered: $_") for 1 .. 2;
            my $r = $w->run('-t', '-c', $w->{conf});
            is($r->{exit}, 1, '-t finds it');
            like($r->{err}, qr/the cache "store" cannot be used: \S+ Read-only file system/, 'and says it');
            $w->stop_ok;
            $up->stop;
        }
    );
};

subtest 'in memory' => sub {
    my ($w, $up) = instance(path => 'memory');
    my $look = sub {
        for my $pid ($w->children) {
            for my $fd (glob "/proc/$pid/fd/*") {
                my $to = readlink $fd // next;
                return $1 if $to =~ m{\A(/dev/shm/weir-[0-9a-f]{16})};
            }
        }
        return;
    };
    my $directory = sub { return Weir::wait_for($look) };
    $w->start;
    my $first = $directory->();
    ok($first && -d $first, 'there is a directory for it');
    is((stat $first)[2] & 077, 0, 'for nobody else');
    is(ask($w, '/x/5000'), 'uri-miss', 'stored');
    is(ask($w, '/x/5000'), 'hit',      'there');
    $w->signal('HUP');
    ok($w->wait_log(qr/Generation 2 serves/), 'reloaded');
    is(ask($w, '/x/5000'), 'hit', 'there after a reload');
    is($directory->(), $first, 'at the same place');
    $w->stop_ok;
    ok(!-e $first, 'gone with the instance');

    $w->start;
    my $second = $directory->();
    is(ask($w, '/x/5000'), 'uri-miss', 'not there in the next one');
    kill_all($w);
    # What it leaves behind is removed by the next start of any instance of this machine: of another test, perhaps.
    $w->start;
    my $third = $directory->();
    isnt($third, $second, 'the next one has another');
    ok(Weir::wait_for(sub { !-e $second }), 'and removes that');
    is(ask($w, '/x/5000'), 'uri-miss', 'stored anew');

    # Another configuration has no such cache any more: its memory is given back.
    my ($held) = glob "$third/*";
    ok($held && -d $held, 'its own directory');
    $w->{fill}{path} = "$w->{dir}/cache";
    $w->conf($conf);
    $w->signal('HUP');
    ok($w->wait_log(qr/Generation 2 serves.*\n?/), 'reloaded without it');
    ok(Weir::wait_for(sub { !-e $held }), 'given back');
    $w->stop_ok;
    ok(!-e $third, 'gone with the instance');
    $up->stop;
};

subtest 'what -t says' => sub {
    my ($w, $up) = instance(path => 'memory', size => '100000g');
    my $r = $w->run('-t', '-c', $w->{conf});
    is($r->{exit}, 0, 'a size that is too large is a warning');
    like($r->{err}, qr/weir\.conf:6: warning: the cache "store" is to hold 102400000 MB, and \/dev\/shm has room for \d+ MB/);

    $w->{fill}{size} = '4m';
    $w->{fill}{path} = '/proc/self/cache';
    $w->conf($conf);
    $r = $w->run('-t', '-c', $w->{conf});
    is($r->{exit}, 1, 'a directory that cannot be made is an error');
    like($r->{err}, qr/weir\.conf:6: the cache "store" cannot be used: \/proc\/self\/cache/) if $> != 0;

    $w->{fill}{path} = "$w->{dir}/file/cache";
    mkdir "$w->{dir}/file";
    mkdir "$w->{dir}/file/cache";
    chown 12345, -1, "$w->{dir}/file/cache" if $> == 0;
    chmod 0777, "$w->{dir}/file/cache" if $> != 0;
    $w->conf($conf);
    $r = $w->run('-t', '-c', $w->{conf});
    is($r->{exit}, 1, 'a directory that is not safe is an error');
    like($r->{err}, qr/weir\.conf:6: the cache "store" cannot be used: \S+ (?:belongs to another user|can be written to by others)/);

    my $many = join ', ', map { qq({ name = "c$_"; path = "memory"; size = "1m"; }) } 1 .. 17;
    $w->conf($conf =~ s/^caches = .*$/caches = ( $many );/mr =~ s/cache = "store"/cache = "c1"/r);
    $r = $w->run('-t', '-c', $w->{conf});
    is($r->{exit}, 1, 'too many are an error');
    like($r->{err}, qr/weir\.conf:6: there are 17 caches, and at most 16 are possible/);
    $up->stop;
};

done_testing;
