<?php
// blog.php: the site of blog.pl in PHP, as a router script of PHP's own server:
//   BLOG_DIR=DIR php -S 127.0.0.1:PORT blog.php      keeps uploads in DIR
// The page /browser, of which one part waits for another, wants PHP_CLI_SERVER_WORKERS=4 in the environment.

$dir = getenv('BLOG_DIR');
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

function page(string $title, string $up, string $body): void
{
    header('Content-Type: text/html; charset=utf-8');
    echo "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>$title</title>\n",
        "<link rel=\"stylesheet\" href=\"{$up}style.css\"></head>\n<body><h1>$title</h1>\n$body\n",
        "<p><a href=\"{$up}./\">Home</a> <a href=\"{$up}post/1\">First post</a>",
        " <a href=\"{$up}admin/\">Admin</a></p>\n</body></html>\n";
}

function visible(string $path): string
{
    return ($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? 'http') . '://' . $_SERVER['HTTP_HOST'] . $path;
}

function login(): void
{
    if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
        page('Login', '', '<form method="post" action="login"><input name="user">' .
            '<input name="password" type="password"><button>Log in</button></form>');
    } elseif (($_POST['user'] ?? '') === 'ada' && ($_POST['password'] ?? '') === 'engine & co') {
        setcookie('blog_session', 'ada-1815', ['path' => '/', 'httponly' => true, 'samesite' => 'Lax']);
        setcookie('blog_seen', '1', ['path' => '/', 'expires' => time() + 3600]);
        header('Location: ' . visible('/admin/'), true, 302);
    } else {
        http_response_code(403);
        page('Wrong password', '', '<p>Try again.</p>');
    }
}

function admin(string $dir, string $path): void
{
    if (($_COOKIE['blog_session'] ?? '') !== 'ada-1815') {
        header('Location: ' . visible('/login'), true, 302);
    } elseif ($path === '/admin/upload') {
        $name = basename($_FILES['f']['name'] ?? '');
        if (!preg_match('/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/', $name)
            || !move_uploaded_file($_FILES['f']['tmp_name'], "$dir/$name")) {
            http_response_code(400);
            page('No file', '../', '');
            return;
        }
        header("Location: ../files/$name", true, 303);
    } else {
        page('Hello ada', '../', '<form method="post" action="upload" enctype="multipart/form-data">' .
            '<input type="file" name="f"><button>Upload</button></form>');
    }
}

$style = "body { font-family: sans-serif }\n";
$etag = '"s-' . strlen($style) . '"';

if ($path === '/') {
    page('A small blog', '', '<p>Welcome, ' . htmlspecialchars($_GET['name'] ?? 'visitor') . '.</p>');
} elseif ($path === '/style.css') {
    header("ETag: $etag");
    header('Content-Type: text/css');
    if (($_SERVER['HTTP_IF_NONE_MATCH'] ?? '') === $etag) {
        http_response_code(304);
    } else {
        echo $style;
    }
} elseif ($path === '/login') {
    login();
} elseif ($path === '/logout') {
    setcookie('blog_session', '', ['path' => '/', 'expires' => 1]);
    header('Location: /', true, 302);
} elseif ($path === '/admin') {
    header('Location: ' . visible('/admin/'), true, 302);
} elseif ($path === '/admin/' || $path === '/admin/upload') {
    admin($dir, $path);
} elseif (preg_match('{^/post/(\d{1,4})$}', $path, $m)) {
    page("Post $m[1]", '../', '<p>Text, <a href="../post/' . ($m[1] + 1) . '">more</a>.</p>');
} elseif (preg_match('{^/files/([A-Za-z0-9_-][A-Za-z0-9._-]*)$}', $path, $m) && is_file("$dir/$m[1]")) {
    header('Content-Type: application/octet-stream');
    readfile("$dir/$m[1]");
} elseif ($path === '/browser') {
    header('Content-Type: text/html; charset=utf-8');
    readfile(__DIR__ . '/browser.html');
} elseif ($path === '/browser-done') {
    touch("$dir/browser-done");
    http_response_code(204);
} elseif ($path === '/browser-wait') {
    // Keeps a browser's page from being complete until its script has said that it is done.
    for ($i = 0; $i < 150 && !@unlink("$dir/browser-done"); $i++) {
        usleep(100000);
    }
    http_response_code(204);
} else {
    http_response_code(404);
    page('Not found', '/', '<p>There is no such page.</p>');
}
